//! Whether a process serves its port: by identity where the kernel tells, by connecting
//! elsewhere.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::{Explained, NotReady, Target};
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
    let addrs = resolve(host, target.deadline())
        .map_err(|error| NotReady::yet(format!("`{host}` has no address: {error}")))?;
    let otherwise = || match place.protocol {
        Protocol::Tcp => connect(&addrs, place.port, target.deadline()),
        Protocol::Udp => bound(&addrs, place),
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
    let addrs = resolve(host, soon()).ok().filter(|addrs| is_here(addrs))?;
    for listener in place.listeners(&Diag::open().ok()?).ok()? {
        if let Some(addr) = addrs.iter().find(|addr| listener.covers(**addr)) {
            return Some((SocketAddr::new(*addr, place.port), describe(&listener)));
        }
    }
    None
}

/// Whether a host is this machine.
pub(crate) fn is_this_machine(host: &str) -> bool {
    resolve(host, soon()).is_ok_and(|addrs| is_here(&addrs))
}

fn is_here(addrs: &[IpAddr]) -> bool {
    addrs.iter().all(|addr| ports::is_local(*addr))
}

/// A port of a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
}

impl Place {
    /// Whether somebody serves one of these addresses.
    fn is_heard(self, diag: &Diag, addrs: &[IpAddr]) -> io::Result<bool> {
        for ip in addrs {
            let addr = SocketAddr::new(*ip, self.port);
            if listeners::would_be_heard(diag, addr, self.protocol)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn listeners(self, diag: &Diag) -> io::Result<Vec<Listener>> {
        listeners::on_port(diag, self.port, self.protocol)
    }
}

/// Who serves a place.
fn found(target: &Target<'_>, addrs: &[IpAddr], place: Place) -> io::Result<Found> {
    // Most looks end here, so this is the cheap question.
    if target.ask(|diag| place.is_heard(diag, addrs))? == Some(false) {
        return Ok(Found::Nobody);
    }
    match target.ask(|diag| place.listeners(diag))? {
        Some(listeners) if target.takes_any_listener() => Ok(anybody(addrs, &listeners)),
        Some(listeners) => identify(target, addrs, place, &listeners),
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
    addrs: &[IpAddr],
    place: Place,
    listeners: &[Listener],
) -> io::Result<Found> {
    let relevant = |listener: &&Listener| addrs.iter().any(|addr| listener.covers(*addr));
    let mut ours = None;
    let mut unknown = false;
    for listener in listeners.iter().filter(relevant) {
        match holder(target, listener.inode)? {
            Holds::Yes => {
                let addr = addrs.iter().find(|addr| listener.covers(**addr));
                ours = ours.or(addr.map(|addr| SocketAddr::new(*addr, listener.addr.port())));
            }
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

/// For services that hand their port to somebody who is no descendant of theirs.
fn anybody(addrs: &[IpAddr], listeners: &[Listener]) -> Found {
    for listener in listeners {
        if let Some(addr) = addrs.iter().find(|addr| listener.covers(**addr)) {
            return Found::Ours(SocketAddr::new(*addr, listener.addr.port()));
        }
    }
    Found::Nobody
}

/// Why nothing listens where it should, if nothing does.
pub(super) fn explain(target: &Target<'_>, host: &str, place: Place) -> Explained {
    let nothing = Explained::default();
    let Ok(addrs) = resolve(host, soon()) else {
        return nothing;
    };
    let is_heard = target.ask(|diag| place.is_heard(diag, &addrs));
    if !is_here(&addrs) || !matches!(is_heard, Ok(Some(false))) {
        return nothing;
    }
    let tree = target.tree().unwrap_or_default();
    let all = target.ask(|diag| listeners::on_port(diag, 0, place.protocol));
    let all = all.ok().flatten().unwrap_or_default();
    let held: Vec<SocketId> = tree.iter().flat_map(|pid| proc::sockets(*pid)).collect();
    if let Some(ours) = all.iter().find(|it| held.contains(&it.inode)) {
        return Explained {
            last: Some(format!(
                "nothing listens there; it listens on {}",
                ours.addr
            )),
            hint: Some(match ours.addr.port() == place.port {
                true => format!(
                    "with `host = \"{}\"` it is waited for there",
                    ours.addr.ip()
                ),
                false => {
                    "is the port in its command? `{port}` stands for it, and `port = ..` sets it"
                        .to_owned()
                }
            }),
        };
    }
    if let Some(other) = all.iter().find(|it| it.addr.port() == place.port) {
        let last = format!("nothing listens there, but somebody else on {}", other.addr);
        return Explained {
            last: Some(last),
            ..nothing
        };
    }
    let mut apart = tree.iter().filter(|pid| proc::has_other_network(**pid));
    match apart.find(|pid| proc::listens_in_network_of(**pid, place.port)) {
        Some(pid) => Explained {
            last: Some(format!(
                "it listens, but not where you can reach it: pid {pid} has a network namespace of its own"
            )),
            ..nothing
        },
        None => nothing,
    }
}

/// For UDP, where nothing can be connected to: whether somebody has it at all.
fn bound(addrs: &[IpAddr], place: Place) -> Result<SocketAddr, NotReady> {
    if !is_here(addrs) {
        return Err(NotReady::ever(
            "a UDP port of another machine can't be looked at",
        ));
    }
    let mut all = addrs.iter().map(|ip| SocketAddr::new(*ip, place.port));
    all.find(|addr| ports::is_bound(addr, place.protocol))
        .ok_or_else(|| NotReady::yet("nothing is bound there"))
}

fn describe(listener: &Listener) -> String {
    let who = proc::holder_of_socket(listener.inode).map(|pid| {
        let command = proc::command_line(pid).unwrap_or_default();
        format!("pid {pid}, `{command}`, ")
    });
    let who = who.unwrap_or_else(|| "a process that can't be seen, ".to_owned());
    format!("{who}on {}", listener.addr)
}

/// The addresses of a host. `localhost` is both loopbacks, whatever `/etc/hosts` makes of it, and
/// who listens on every address is reached by them too.
fn resolve(host: &str, deadline: Instant) -> io::Result<Vec<IpAddr>> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host == "localhost" {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let addrs: Vec<IpAddr> = match host.parse() {
        Ok(ip) => vec![ip],
        Err(_) => look_up(host.to_owned(), deadline)?,
    };
    if addrs.is_empty() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let reachable = |ip| match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    Ok(addrs.into_iter().map(reachable).collect())
}

/// Asks the system's resolver, which knows no deadlines, on a thread that may outlast ours.
fn look_up(host: String, deadline: Instant) -> io::Result<Vec<IpAddr>> {
    let (tell, told) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        let addrs = (host.as_str(), 0).to_socket_addrs();
        let _ = tell.send(addrs.map(|addrs| addrs.map(|addr| addr.ip()).collect()));
    })?;
    let left = deadline.saturating_duration_since(Instant::now());
    told.recv_timeout(left)
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// For a question that comes before a start, and has no deadline of its own.
fn soon() -> Instant {
    Instant::now() + CONNECT_LIMIT
}

fn connect(addrs: &[IpAddr], port: u16, deadline: Instant) -> Result<SocketAddr, NotReady> {
    let mut last = "no address".to_owned();
    for addr in addrs.iter().map(|ip| SocketAddr::new(*ip, port)) {
        let limit = deadline
            .saturating_duration_since(Instant::now())
            .clamp(Duration::from_millis(1), CONNECT_LIMIT);
        match TcpStream::connect_timeout(&addr, limit) {
            // A socket that was given the very port it connects to talks to itself.
            Ok(stream) if stream.local_addr().ok() == Some(addr) => {
                last = format!("{addr}: nothing listens there");
            }
            Ok(_) => return Ok(addr),
            Err(error) => last = format!("{addr}: {error}"),
        }
    }
    Err(NotReady::yet(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_is_both_families() {
        let both: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        assert_eq!(resolve("localhost", soon()).unwrap(), both);
        assert_eq!(resolve("0.0.0.0", soon()).unwrap(), both[..1]);
        assert_eq!(resolve("[::1]", soon()).unwrap(), both[1..]);
        assert!(resolve("no-such-host.invalid", soon()).is_err());
    }

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
