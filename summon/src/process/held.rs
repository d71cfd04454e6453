//! A port that connections hold: in `TIME_WAIT` after a restart, or as the local end of somebody's
//! connection. Nobody serves it, and a program can't bind it for a while.
//!
//! Most servers set `SO_REUSEADDR`, which gets them past `TIME_WAIT`. So a program is launched first,
//! and launched again once the port is free if it dies of it.

use std::time::{Duration, Instant};

use super::{Process, lock};
use crate::error::Error;
use crate::progress::Progress;
use crate::sys::diag::Diag;
use crate::sys::listeners::{self, Connection, Protocol};
use crate::sys::{self, ports, proc, wait};

/// So many connections are named.
const NAMED: usize = 4;
/// No wait for connections is longer. Linux keeps one that was closed for a minute.
const LONGEST: Duration = Duration::from_secs(90);
/// The system does not tell when a port becomes free. A look costs some microseconds.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Says that the port is in use, as programs do: `EADDRINUSE` in the words of C, Java, Go, Node.js,
/// and Erlang, and those of Spring, Flask, and Vite.
pub(super) fn is_said(output: &[u8]) -> bool {
    let text = String::from_utf8_lossy(output).to_ascii_lowercase();
    text.lines().any(|line| {
        let has_place = line.contains("address") || line.contains("port");
        line.contains("eaddrinuse") || (has_place && line.contains("in use"))
    })
}

impl Process {
    /// The ports that the process has by now, each once.
    fn places(&self) -> Vec<(u16, Protocol)> {
        let own = self.endpoints().map(|it| match it.port {
            0 => (self.try_port("").unwrap_or(0), it.protocol),
            port => (port, it.protocol),
        });
        let mut places: Vec<_> = own.collect();
        for lease in lock(&self.inner.leases).values() {
            if !places.iter().any(|(port, _)| *port == lease.port) {
                places.push((lease.port, Protocol::Tcp));
            }
        }
        places.retain(|(port, _)| *port != 0);
        places
    }

    /// Whether one of its ports can't be bound without `SO_REUSEADDR`.
    pub(super) fn is_port_held(&self) -> bool {
        let mut places = self.places().into_iter();
        places.any(|(port, protocol)| ports::is_held(port, protocol))
    }

    /// Waits until the ports of a program that died of it can be bound. Says whether they can: not if
    /// somebody serves them, if the start is given up, or if the wait takes too long.
    pub(super) fn wait_for_ports(&self, died: Instant) -> Result<bool, Error> {
        let until = died + self.longest_wait()?;
        let mut progress = Progress::new(died);
        let is_held = |place: &(u16, Protocol)| ports::is_held(place.0, place.1);
        loop {
            let now = Instant::now();
            if now >= until || lock(&self.inner.life).cancelled {
                return Ok(false);
            }
            let mut places = self.places().into_iter();
            let Some((port, protocol)) = places.find(is_held) else {
                return Ok(true);
            };
            if is_served(port, protocol) {
                return Ok(false);
            }
            if progress.is_due(now) {
                let held = held_by(port, protocol);
                let held = held.as_deref().unwrap_or("it can't be bound");
                progress.say(&format!("{} waits for port {port}: {held}", self.name()));
            }
            wait::sleep(&[], Some(until.min(now + LOOK_AGAIN)))
                .map_err(|error| self.bad(format!("it can't be waited for: {error}")))?;
        }
    }

    fn longest_wait(&self) -> Result<Duration, Error> {
        Ok(self.limit(&self.inner.spec.turn_timeout)?.min(LONGEST))
    }

    /// Adds how long the port was waited for, if that was too long.
    pub(super) fn not_free(&self, error: Error, died: Instant) -> Error {
        match self.longest_wait() {
            Ok(limit) if died.elapsed() >= limit => error.fact(
                "waited",
                format!("{limit:?} for its port, and launched it again; `turn_timeout` sets that, up to {LONGEST:?}"),
            ),
            _ => error,
        }
    }

    /// What is wrong, and what to do, if connections hold a port of its own.
    pub(super) fn hint_at_held(&self) -> Option<String> {
        let mut places = self.places().into_iter();
        places.find_map(|(port, protocol)| {
            let held = held_by(port, protocol).or_else(|| unseen(port, protocol))?;
            let range = ports::ephemeral();
            let is_fixed = self.fixed_ports().contains(&port);
            let remedy = match is_fixed && range.contains(&port) {
                true => format!(
                    "the system gives connections the ports from {} to {}: use one outside of these",
                    range.start(),
                    range.end()
                ),
                false => "close clients before a restart, or have the program set SO_REUSEADDR \
                          when it binds"
                    .to_owned(),
            };
            Some(format!("{held};\n{remedy}"))
        })
    }
}

/// Whether somebody serves a port, or that can't be told.
fn is_served(port: u16, protocol: Protocol) -> bool {
    let found = Diag::open().and_then(|diag| listeners::on_port(&diag, port, protocol));
    found.map_or(true, |found| !found.is_empty())
}

/// The connections that hold a port, in words.
fn held_by(port: u16, protocol: Protocol) -> Option<String> {
    let found = Diag::open().and_then(|diag| listeners::connections(&diag, port, protocol));
    let found = found.ok().filter(|found| !found.is_empty())?;
    let shown: Vec<String> = found.iter().take(NAMED).map(shown).collect();
    let more = match found.len() - shown.len() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let plural = match found.len() {
        1 => "a connection holds",
        _ => "connections hold",
    };
    Some(format!(
        "nobody serves port {port}, but {plural} it: {}{more}",
        shown.join("; ")
    ))
}

/// The same where the system does not tell of connections.
fn unseen(port: u16, protocol: Protocol) -> Option<String> {
    let is_unseen = ports::is_held(port, protocol) && !is_served(port, protocol);
    is_unseen.then(|| {
        format!("nobody serves port {port}, but it can't be bound: a connection may hold it")
    })
}

/// `127.0.0.1:80 to 127.0.0.1:5000, ESTABLISHED, of pid 7, curl ..`
fn shown(connection: &Connection) -> String {
    let Connection {
        local, peer, state, ..
    } = connection;
    let ends = match peer.port() {
        0 => local.to_string(),
        _ => format!("{local} to {peer}"),
    };
    let whose = match connection.inode {
        0 => "which was closed, and the system keeps it for up to a minute".to_owned(),
        inode => match proc::holder_of_socket(inode) {
            Some(pid) if pid == std::process::id() => format!("of this test itself, pid {pid}"),
            Some(pid) => format!("of {}", sys::who(pid)),
            None => "of a process that can't be seen".to_owned(),
        },
    };
    format!("{ends}, {state}, {whose}")
}
