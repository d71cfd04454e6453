//! Ports that no process serves but connections hold: in `TIME_WAIT` after a restart, or as the
//! local port of an outgoing connection. A program can't bind such a port for a while.

use std::io;
use std::time::{Duration, Instant};

use super::Place;
use crate::progress::Progress;
use crate::sys::diag::Diag;
use crate::sys::fd::BorrowedFd;
use crate::sys::listeners::{self, Connection, Protocol};
use crate::sys::{self, ports, proc, wait};

/// The maximum number of connections in a hint.
const NAMED: usize = 4;
/// The pause between two checks. The kernel does not report when a port becomes free, and a check
/// takes some microseconds.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The holder of a port that no process serves.
pub(crate) struct HeldPort {
    pub(crate) what: String,
    /// Whether a socket holds the port that is no connection.
    pub(crate) is_bound: bool,
}

/// Returns whether a port can't be bound without `SO_REUSEADDR`.
pub(crate) fn is_held(place: &Place) -> bool {
    ports::is_held(place.port, place.protocol)
}

/// Returns what holds a port that no process serves.
pub(crate) fn held(place: &Place) -> Option<HeldPort> {
    let (port, protocol) = (place.port, place.protocol);
    let found = connections(port, protocol);
    Some(HeldPort {
        what: match found.is_empty() {
            true => unseen(port, protocol)?,
            false => described(port, &found),
        },
        is_bound: found.iter().any(is_bound),
    })
}

/// Waits until the ports of a process can be bound, from `began` to `until`. Returns `false` if
/// another process serves a port, `given_up` is readable, or the wait takes too long.
pub(crate) fn until_free(
    name: &str,
    places: &[Place],
    (began, until): (Instant, Instant),
    given_up: BorrowedFd<'_>,
) -> io::Result<bool> {
    let mut progress = Progress::new(began);
    loop {
        let now = Instant::now();
        if now >= until || wait::is_readable(&given_up) {
            return Ok(false);
        }
        let Some(place) = places.iter().find(|place| is_held(place)) else {
            return Ok(true);
        };
        let (port, protocol) = (place.port, place.protocol);
        if is_served(port, protocol) {
            return Ok(false);
        }
        if progress.is_due(now) {
            let found = connections(port, protocol);
            let held = match found.is_empty() {
                true => "it can't be bound".to_owned(),
                false => described(port, &found),
            };
            progress.say(&format!("{name} waits for port {port}: {held}"));
        }
        wait::sleep(&[given_up], Some(until.min(now + LOOK_AGAIN)))?;
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
