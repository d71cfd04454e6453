//! Checks whether a process serves its port: by the owner of the socket where the kernel names it,
//! by a connection elsewhere.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::endpoint::Place;
use super::not_yet::unseen;
use super::resolve_host::{is_here, resolve, soon};
use super::{Listener, NotReady, Target, inside};
use crate::sys::diag::Diag;
use crate::sys::listeners::{self, Protocol};
use crate::sys::ports;
use crate::sys::proc::{self, Holds, SocketId};

/// The limit of one attempt to connect.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// Returns the address of `host:port` that the server listens on.
pub(super) fn look(
    target: &Target<'_>,
    host: &str,
    place: Place,
    whose: Listener,
) -> Result<SocketAddr, NotReady> {
    if let Some(container) = target.container() {
        return inside::look(target, container, place);
    }
    let addrs = resolve(host, place.port, target.deadline())
        .map_err(|error| NotReady::yet(format!("can't resolve `{host}`: {error}")))?;
    let otherwise = || match place.protocol {
        Protocol::Tcp => connect(&addrs, target.deadline()),
        Protocol::Udp => bound(&addrs),
    };
    let whose = match target.takes_any_listener() && !Diag::SEES_ALL {
        true => Listener::Any,
        false => whose,
    };
    if whose == Listener::Any || !is_here(&addrs) {
        return otherwise();
    }
    match owner(target, &addrs, place).map_err(|error| unseen(&error))? {
        Owner::Ours(addr) => Ok(addr),
        Owner::Nobody => Err(NotReady::yet("nothing listens there").soon()),
        Owner::Unknown => otherwise(),
        Owner::Stranger(stranger) => Err(NotReady::ever(format!(
            "another process listens there: {}",
            describe(&stranger)
        ))),
    }
}

/// Looks for a server on the port of a process that is about to start. Returns its address, and a
/// description of its process.
pub(crate) fn somebody(host: &str, place: Place) -> Option<(SocketAddr, String)> {
    let addrs = resolve(host, place.port, soon()).ok();
    let addrs = addrs.filter(|addrs| is_here(addrs))?;
    let Ok(listeners) = Diag::open().and_then(|diag| place.listeners(&diag)) else {
        // The kernel does not name the owner, but an attempt to bind shows that the port is in use.
        let is_taken = |addr: &SocketAddr| ports::is_taken(addr, place.protocol).unwrap_or(false);
        let addr = addrs.into_iter().find(is_taken)?;
        return Some((addr, format!("{UNSEEN}, on {addr}")));
    };
    listeners.iter().find_map(|listener| {
        let addr = addrs.iter().find(|addr| listener.covers(**addr))?;
        Some((*addr, describe(listener)))
    })
}

/// An address in use, and the socket that would accept a connection to it.
type Heard = (SocketAddr, SocketId);

impl Place {
    /// Returns the addresses that a socket listens on.
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

    fn listeners(self, diag: &Diag) -> io::Result<Vec<listeners::ListeningSocket>> {
        listeners::on_port(diag, self.port, self.protocol)
    }
}

/// Returns the owner of the sockets at a place.
fn owner(target: &Target<'_>, addrs: &[SocketAddr], place: Place) -> io::Result<Owner> {
    // Most looks end here, so ask the cheap question first.
    let heard = match target.ask(|diag| place.heard(diag, addrs))? {
        Some(heard) if heard.is_empty() => return Ok(Owner::Nobody),
        Some(heard) => heard,
        // Linux always has an answer in `/proc/net`. Without that answer a connection could reach
        // another program's server, and would take it for ours.
        None if Diag::SEES_ALL => return Err(io::Error::other("/proc/net can't be read")),
        None => return Ok(Owner::Unknown),
    };
    match target.ask(|diag| place.listeners(diag))? {
        Some(_) if target.takes_any_listener() => Ok(Owner::Ours(heard[0].0)),
        Some(listeners) => identify(target, &heard, place, &listeners),
        None => Ok(Owner::Unknown),
    }
}

enum Owner {
    Ours(SocketAddr),
    Nobody,
    /// The owner can't be read: another user's process, a process with privileges, or a system that
    /// does not answer such questions.
    Unknown,
    Stranger(listeners::ListeningSocket),
}

/// Identifies the owners of the sockets. The service is ready if it serves at least one address of
/// the host, and no other program serves any.
fn identify(
    target: &Target<'_>,
    heard: &[Heard],
    place: Place,
    listeners: &[listeners::ListeningSocket],
) -> io::Result<Owner> {
    let mut ours = None;
    let mut unknown = false;
    for listener in listeners {
        // The kernel names one socket for each address; other sockets may share that address
        // (`SO_REUSEPORT` in `socket(7)`).
        let reaches = |(addr, inode): &&Heard| listener.inode == *inode || listener.covers(*addr);
        let Some((addr, _)) = heard.iter().find(reaches) else {
            continue;
        };
        match holder(target, listener.inode)? {
            Holds::Yes => ours = ours.or(Some(*addr)),
            // A process outside the service holds the socket. Processes that we can't read don't
            // change that.
            Holds::Unknown if is_held_by_others(target, listener.inode) => {
                return Ok(Owner::Stranger(*listener));
            }
            Holds::Unknown => unknown = true,
            Holds::No if is_strangers(target, listener, place) => {
                return Ok(Owner::Stranger(*listener));
            }
            // The socket closed while we looked, or is about to close.
            Holds::No => {}
        }
    }
    Ok(match ours {
        Some(addr) => Owner::Ours(addr),
        None if unknown => Owner::Unknown,
        None => Owner::Nobody,
    })
}

/// Returns whether a process of the service holds the socket.
pub(super) fn holder(target: &Target<'_>, inode: SocketId) -> io::Result<Holds> {
    let mut answer = Holds::No;
    // Look twice: while we look, the holder may fork, and the child keep the socket.
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

/// Returns whether a socket that the service does not hold belongs to another program.
fn is_strangers(target: &Target<'_>, listener: &listeners::ListeningSocket, place: Place) -> bool {
    let now = target.ask(|diag| place.listeners(diag));
    if !now.is_ok_and(|now| now.is_some_and(|now| now.contains(listener))) {
        return false;
    }
    match (proc::holder_of_socket(listener.inode), target.tree()) {
        (Some(pid), Ok(tree)) => !tree.contains(&pid),
        // The kernel closes the sockets of an ending process after `/proc` stops showing them.
        (None, Ok(tree)) => !tree.is_empty() && !tree.into_iter().any(proc::is_ending),
        (_, Err(_)) => false,
    }
}

/// Returns whether a process outside the service holds a socket.
pub(super) fn is_held_by_others(target: &Target<'_>, inode: SocketId) -> bool {
    match (proc::holder_of_socket(inode), target.tree()) {
        (Some(pid), Ok(tree)) => !tree.contains(&pid),
        _ => false,
    }
}

/// Returns the address that a UDP socket is bound to. UDP has no connections to try, so its owner
/// stays unknown.
fn bound(addrs: &[SocketAddr]) -> Result<SocketAddr, NotReady> {
    if !is_here(addrs) {
        return Err(NotReady::ever(
            "a UDP port of another machine can't be probed",
        ));
    }
    let mut all = addrs.iter().copied();
    all.find(|addr| ports::is_bound(addr, Protocol::Udp))
        .ok_or_else(|| NotReady::yet("nothing is bound there"))
}

const UNSEEN: &str = "a process whose pid can't be read";

fn describe(listener: &listeners::ListeningSocket) -> String {
    let holder = proc::holder_of_socket(listener.inode);
    let who = holder.map(|pid| {
        let command = proc::command_line(pid).unwrap_or_default();
        format!("pid {pid}, `{command}`")
    });
    let who = who.unwrap_or_else(|| UNSEEN.to_owned());
    let own = match holder == Some(std::process::id()) {
        true => " (this test process itself: close that socket before the start)",
        false => "",
    };
    format!("{who}, on {}{own}", listener.shown())
}

fn connect(addrs: &[SocketAddr], deadline: Instant) -> Result<SocketAddr, NotReady> {
    let mut last = "no address".to_owned();
    for addr in addrs {
        let limit = deadline
            .saturating_duration_since(Instant::now())
            .clamp(Duration::from_millis(1), CONNECT_LIMIT);
        match TcpStream::connect_timeout(addr, limit) {
            // If the kernel picks the destination port as the source port, the socket connects to
            // itself (simultaneous open, RFC 9293, section 3.5).
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
        let own = format!("on 127.0.0.1:{port} (this test process itself: close");
        assert!(told.contains(&own), "{told}");
        assert_eq!(somebody("::1", place), None);
    }
}
