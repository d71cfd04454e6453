//! Whether a process serves its port: by identity where the kernel tells, by connecting
//! elsewhere.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::hosts::{is_here, resolve, soon};
use super::{NotReady, Target};
use crate::sys::diag::Diag;
use crate::sys::listeners::{self, Listener, Protocol};
use crate::sys::ports;
use crate::sys::proc::{self, Holds, SocketId};

/// A connection that takes longer is tried again.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// Whose server is expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Server {
    Ours,
    Anybodys,
}

/// Says at which address of `host:port` somebody listens, or what is there instead.
pub(super) fn look(
    target: &Target<'_>,
    host: &str,
    place: Place,
    whose: Server,
) -> Result<SocketAddr, NotReady> {
    let addrs = resolve(host, place.port, target.deadline())
        .map_err(|error| NotReady::yet(format!("`{host}` has no address: {error}")))?;
    let otherwise = || match place.protocol {
        Protocol::Tcp => connect(&addrs, target.deadline()),
        Protocol::Udp => bound(&addrs),
    };
    let whose = match target.takes_any_listener() && !Diag::SEES_ALL {
        true => Server::Anybodys,
        false => whose,
    };
    if whose == Server::Anybodys || !is_here(&addrs) {
        return otherwise();
    }
    match found(target, &addrs, place).map_err(|error| unseen(&error))? {
        Found::Ours(addr) => Ok(addr),
        // It has gone again.
        Found::Nobody => Err(NotReady::yet("nothing listens there").soon()),
        Found::Unknown => otherwise(),
        Found::Stranger(stranger) => Err(NotReady::ever(format!(
            "somebody else listens there: {}",
            describe(&stranger)
        ))),
    }
}

/// For now.
pub(super) fn unseen(error: &io::Error) -> NotReady {
    NotReady::yet(format!("who listens there can't be seen: {error}"))
}

/// Who serves already where a process is about to be started: at which address, and in words.
pub(crate) fn somebody(host: &str, place: Place) -> Option<(SocketAddr, String)> {
    let addrs = resolve(host, place.port, soon()).ok();
    let addrs = addrs.filter(|addrs| is_here(addrs))?;
    let Ok(listeners) = Diag::open().and_then(|diag| place.listeners(&diag)) else {
        // Nobody can say who it is, but that it is somebody can be seen.
        let is_taken = |addr: &SocketAddr| ports::is_taken(addr, place.protocol).unwrap_or(false);
        let addr = addrs.into_iter().find(is_taken)?;
        return Some((addr, format!("{UNSEEN}, on {addr}")));
    };
    listeners.iter().find_map(|listener| {
        let addr = addrs.iter().find(|addr| listener.covers(**addr))?;
        Some((*addr, describe(listener)))
    })
}

/// A port of a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
}

/// An address where somebody serves, and the socket that a connection to it would find.
type Heard = (SocketAddr, SocketId);

impl Place {
    /// At which of these addresses somebody serves.
    fn heard(self, diag: &Diag, addrs: &[SocketAddr]) -> io::Result<Vec<Heard>> {
        let mut heard = Vec::new();
        for addr in addrs {
            if let Some(inode) = self.that_hears(diag, *addr)? {
                heard.push((*addr, inode));
            }
        }
        Ok(heard)
    }

    pub(super) fn that_hears(self, diag: &Diag, addr: SocketAddr) -> io::Result<Option<SocketId>> {
        listeners::that_hears(diag, addr, self.protocol)
    }

    fn listeners(self, diag: &Diag) -> io::Result<Vec<Listener>> {
        listeners::on_port(diag, self.port, self.protocol)
    }
}

/// Who serves a place.
fn found(target: &Target<'_>, addrs: &[SocketAddr], place: Place) -> io::Result<Found> {
    // Most looks end here, so this is the cheap question.
    let heard = match target.ask(|diag| place.heard(diag, addrs))? {
        Some(heard) if heard.is_empty() => return Ok(Found::Nobody),
        Some(heard) => heard,
        // Where the kernel can always be asked, a stranger must not be taken for ours for want of an
        // answer.
        None if Diag::SEES_ALL => return Err(io::Error::other("/proc/net can't be read")),
        None => return Ok(Found::Unknown),
    };
    match target.ask(|diag| place.listeners(diag))? {
        Some(_) if target.takes_any_listener() => Ok(Found::Ours(heard[0].0)),
        Some(listeners) => identify(target, &heard, place, &listeners),
        None => Ok(Found::Unknown),
    }
}

enum Found {
    Ours(SocketAddr),
    Nobody,
    /// It can't be told whose: another user's process, one with privileges, or a system that does
    /// not answer such questions.
    Unknown,
    Stranger(Listener),
}

/// Ready is: some address of the host is served by us, and none by a stranger.
fn identify(
    target: &Target<'_>,
    heard: &[Heard],
    place: Place,
    listeners: &[Listener],
) -> io::Result<Found> {
    let mut ours = None;
    let mut unknown = false;
    for listener in listeners {
        // The kernel names one socket for each address; others may share the address with that one
        // (`SO_REUSEPORT` in `socket(7)`).
        let reaches = |(addr, inode): &&Heard| listener.inode == *inode || listener.covers(*addr);
        let Some((addr, _)) = heard.iter().find(reaches) else {
            continue;
        };
        match holder(target, listener.inode)? {
            Holds::Yes => ours = ours.or(Some(*addr)),
            // Somebody else is seen to hold it, whatever those can do whom we can't see.
            Holds::Unknown if is_held_by_others(target, listener.inode) => {
                return Ok(Found::Stranger(*listener));
            }
            Holds::Unknown => unknown = true,
            Holds::No if is_strangers(target, listener, place) => {
                return Ok(Found::Stranger(*listener));
            }
            // It closed while we looked, or is about to.
            Holds::No => {}
        }
    }
    Ok(match ours {
        Some(addr) => Found::Ours(addr),
        None if unknown => Found::Unknown,
        None => Found::Nobody,
    })
}

/// Whether a process of the service holds the socket.
pub(super) fn holder(target: &Target<'_>, inode: SocketId) -> io::Result<Holds> {
    let mut answer = Holds::No;
    // Twice, since a socket can be handed to a process that is forked while we look.
    for _ in 0..2 {
        for pid in target.tree()? {
            match proc::holds_socket(pid, inode)? {
                Holds::Yes => return Ok(Holds::Yes),
                Holds::Unknown => answer = Holds::Unknown,
                Holds::No => {}
            }
        }
    }
    Ok(answer)
}

/// Whether a socket that none of ours was seen to hold is somebody else's.
fn is_strangers(target: &Target<'_>, listener: &Listener, place: Place) -> bool {
    let now = target.ask(|diag| place.listeners(diag));
    if !now.is_ok_and(|now| now.is_some_and(|now| now.contains(listener))) {
        return false;
    }
    match (proc::holder_of_socket(listener.inode), target.tree()) {
        (Some(pid), Ok(tree)) => !tree.contains(&pid),
        // A process that is ending holds its sockets a moment longer than that can be seen.
        (None, Ok(tree)) => !tree.is_empty() && !tree.into_iter().any(proc::is_ending),
        (_, Err(_)) => false,
    }
}

/// Whether somebody is seen to hold a socket who is known to be none of ours.
pub(super) fn is_held_by_others(target: &Target<'_>, inode: SocketId) -> bool {
    match (proc::holder_of_socket(inode), target.tree()) {
        (Some(pid), Ok(tree)) => !tree.contains(&pid),
        _ => false,
    }
}

/// For UDP, where nothing can be connected to: whether somebody has it at all.
fn bound(addrs: &[SocketAddr]) -> Result<SocketAddr, NotReady> {
    if !is_here(addrs) {
        return Err(NotReady::ever(
            "a UDP port of another machine can't be looked at",
        ));
    }
    let mut all = addrs.iter().copied();
    all.find(|addr| ports::is_bound(addr, Protocol::Udp))
        .ok_or_else(|| NotReady::yet("nothing is bound there"))
}

const UNSEEN: &str = "a process that can't be seen";

fn describe(listener: &Listener) -> String {
    let who = proc::holder_of_socket(listener.inode).map(|pid| {
        let command = proc::command_line(pid).unwrap_or_default();
        format!("pid {pid}, `{command}`")
    });
    let who = who.unwrap_or_else(|| UNSEEN.to_owned());
    format!("{who}, on {}", listener.shown())
}

fn connect(addrs: &[SocketAddr], deadline: Instant) -> Result<SocketAddr, NotReady> {
    let mut last = "no address".to_owned();
    for addr in addrs {
        let limit = deadline
            .saturating_duration_since(Instant::now())
            .clamp(Duration::from_millis(1), CONNECT_LIMIT);
        match TcpStream::connect_timeout(addr, limit) {
            // A socket that was given the very port it connects to talks to itself.
            Ok(stream) if stream.local_addr().ok() == Some(*addr) => {
                last = format!("{addr}: nothing listens there");
            }
            Ok(_) => return Ok(*addr),
            Err(error) => last = format!("{addr}: {error}"),
        }
    }
    Err(NotReady::yet(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_port_is_told_with_its_owner() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let place = Place {
            protocol: Protocol::Tcp,
            port,
        };
        let (addr, told) = somebody("localhost", place).unwrap();
        assert_eq!(addr, listener.local_addr().unwrap());
        let pid = std::process::id();
        assert!(told.starts_with(&format!("pid {pid}, `")), "{told}");
        assert!(told.ends_with(&format!("on 127.0.0.1:{port}")), "{told}");
        assert_eq!(somebody("::1", place), None);
    }
}
