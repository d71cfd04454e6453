//! Ports that no process serves but connections hold: in `TIME_WAIT` after a restart, or as the
//! local port of an outgoing connection. A program can't bind such a port for a while.
//!
//! Most servers set `SO_REUSEADDR`, which allows them to bind despite `TIME_WAIT`. So summon
//! launches the program at once. If it exits because the port is in use, summon launches it again
//! when the port is free.

use std::time::{Duration, Instant};

use super::life::Starting;
use super::parts::Parts;
use crate::error::Error;
use crate::progress::Progress;
use crate::sys::diag::Diag;
use crate::sys::listeners::{self, Connection, Protocol};
use crate::sys::{self, ports, proc, wait};

/// The maximum number of connections in a hint.
const NAMED: usize = 4;
/// The maximum wait for connections to end. Linux keeps a closed connection for a minute.
const LONGEST: Duration = Duration::from_secs(90);
/// The pause between two checks. The kernel does not report when a port becomes free, and a check
/// takes some microseconds.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Returns whether the output says that the port is in use: `EADDRINUSE` in the words of C, Java,
/// Go, Node.js, and Erlang, or the messages of Spring, Flask, and Vite.
pub(super) fn is_said(output: &[u8]) -> bool {
    let text = String::from_utf8_lossy(output).to_ascii_lowercase();
    text.lines().any(|line| {
        let has_place = line.contains("address") || line.contains("port");
        line.contains("eaddrinuse") || (has_place && line.contains("in use"))
    })
}

impl Parts {
    /// Returns the ports that the process has so far, without duplicates.
    fn places(&self) -> Vec<(u16, Protocol)> {
        let own = self.declaration.endpoints().map(|it| match it.port {
            0 => (self.port("").unwrap_or(0), it.protocol),
            port => (port, it.protocol),
        });
        let mut places: Vec<_> = own.collect();
        for (_, leased) in self.resources.ports() {
            if !places.iter().any(|(port, _)| *port == leased) {
                places.push((leased, Protocol::Tcp));
            }
        }
        places.retain(|(port, _)| *port != 0);
        places
    }

    /// Returns whether any port of the process can't be bound without `SO_REUSEADDR`.
    pub(super) fn is_port_held(&self) -> bool {
        let mut places = self.places().into_iter();
        places.any(|(port, protocol)| ports::is_held(port, protocol))
    }

    /// Waits until the ports of the process can be bound, after the program exited at `died`
    /// because a port was in use. Returns `false` if another process serves a port, the start is
    /// cancelled, or the wait takes too long.
    pub(super) fn wait_for_ports(
        &self,
        died: Instant,
        starting: &Starting<'_>,
    ) -> Result<bool, Error> {
        let until = died + self.longest_wait()?;
        let mut progress = Progress::new(died);
        let is_held = |place: &(u16, Protocol)| ports::is_held(place.0, place.1);
        loop {
            let now = Instant::now();
            if now >= until || starting.is_cancelled() {
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
                let found = connections(port, protocol);
                let held = match found.is_empty() {
                    true => "it can't be bound".to_owned(),
                    false => described(port, &found),
                };
                progress.say(&format!("{} waits for port {port}: {held}", self.name()));
            }
            wait::sleep(&[starting.cancelled()], Some(until.min(now + LOOK_AGAIN)))
                .map_err(|error| self.no_wait(&error))?;
        }
    }

    fn longest_wait(&self) -> Result<Duration, Error> {
        let limit = &self.declaration.spec.turn_timeout;
        Ok(self.declaration.limit(limit)?.min(LONGEST))
    }

    /// Adds the length of the wait to the error if the wait for the port has timed out.
    pub(super) fn not_free(&self, error: Error, died: Instant) -> Error {
        match self.longest_wait() {
            Ok(limit) if died.elapsed() >= limit => error.fact(
                "waited",
                format!("{limit:?} for its port, then launched it again; `turn_timeout` sets this limit, up to {LONGEST:?}"),
            ),
            _ => error,
        }
    }

    /// Returns a hint if connections hold a port of the process.
    pub(super) fn hint_at_held(&self) -> Option<String> {
        let mut places = self.places().into_iter();
        places.find_map(|(port, protocol)| {
            let found = connections(port, protocol);
            let held = match found.is_empty() {
                true => unseen(port, protocol)?,
                false => described(port, &found),
            };
            let range = ports::ephemeral();
            let is_fixed = self.fixed_ports().contains(&port);
            let remedy = match is_fixed && range.contains(&port) {
                true => format!(
                    "the system assigns the ports from {} to {} to connections: use a port outside of this range",
                    range.start(),
                    range.end()
                ),
                false if found.iter().any(is_bound) => {
                    "end the process that has the socket, or use another port".to_owned()
                }
                false => "close clients before a restart, or have the program set SO_REUSEADDR \
                          when it binds"
                    .to_owned(),
            };
            Some(format!("{held};\n{remedy}"))
        })
    }
}

/// Returns whether a process serves the port. Returns `true` if that is unknown.
fn is_served(port: u16, protocol: Protocol) -> bool {
    let found = Diag::open().and_then(|diag| listeners::on_port(&diag, port, protocol));
    found.map_or(true, |found| !found.is_empty())
}

/// Lists the sockets that hold a port and don't serve it. The list is empty if that is unknown.
fn connections(port: u16, protocol: Protocol) -> Vec<Connection> {
    let found = Diag::open().and_then(|diag| listeners::connections(&diag, port, protocol));
    found.unwrap_or_default()
}

/// Returns whether the socket is no connection: it is bound, and does not listen.
fn is_bound(socket: &Connection) -> bool {
    socket.peer.port() == 0
}

/// Describes the sockets that hold a port.
fn described(port: u16, found: &[Connection]) -> String {
    let shown: Vec<String> = found.iter().take(NAMED).map(shown).collect();
    let more = match found.len() - shown.len() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let hold = match (found.len(), found.iter().any(is_bound)) {
        (1, false) => "a connection holds",
        (1, true) => "a socket holds",
        (_, false) => "connections hold",
        (_, true) => "sockets hold",
    };
    format!(
        "no process serves port {port}, but {hold} it: {}{more}",
        shown.join("; ")
    )
}

/// Like `described`, for systems that do not list connections.
fn unseen(port: u16, protocol: Protocol) -> Option<String> {
    let is_unseen = ports::is_held(port, protocol) && !is_served(port, protocol);
    is_unseen.then(|| {
        format!("no process serves port {port}, but it can't be bound: a connection or a bound socket may hold it")
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
        0 => "closed, and kept by the system for up to a minute".to_owned(),
        inode => match proc::holder_of_socket(inode) {
            Some(pid) if pid == std::process::id() => format!("of this test itself, pid {pid}"),
            Some(pid) => format!("of {}", sys::who(pid)),
            None => "of a process that can't be seen".to_owned(),
        },
    };
    format!("{ends}, {state}, {whose}")
}
