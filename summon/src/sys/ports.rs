//! What the kernel says of ports: which it hands out itself, which are free, who has claimed one.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::listeners::Protocol;
use super::peer::peer;
use super::wait;

/// The ports that the kernel gives to whoever asks for none in particular, so that one of them
/// may be taken at any moment (`ip_local_port_range` in `ip(7)`).
pub(crate) fn ephemeral() -> RangeInclusive<u16> {
    let parse = |text: String| {
        let mut ends = text.split_ascii_whitespace().map(str::parse);
        Some(ends.next()?.ok()?..=ends.next()?.ok()?)
    };
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(parse)
        .unwrap_or(32768..=60999)
}

/// Claims a port among all who use summon in this network namespace: a Unix socket with an
/// abstract name (`unix(7)`) exists once, and ends with its last holder. `Ok(None)` means that
/// somebody else has it.
pub(crate) fn claim(port: u16) -> io::Result<Option<OwnedFd>> {
    let name = UnixAddr::from_abstract_name(claim_name(port))?;
    match UnixListener::bind_addr(&name) {
        Ok(listener) => Ok(Some(listener.into())),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
        Err(error) => Err(error),
    }
}

/// Who has claimed a port.
#[derive(Debug)]
pub(crate) struct Holder {
    /// The guard of the service, or else the process that will have one started; 0 if it can't be
    /// told.
    pub(crate) pid: u32,
    /// Can be read when the last holder has ended. `None` when too many wait for it already.
    pub(crate) ended: Option<OwnedFd>,
}

impl Holder {
    /// Whether it has ended since it was asked for.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.as_ref().is_none_or(wait::is_readable)
    }
}

/// Says who holds the claim on a port: `None` if nobody does.
pub(crate) fn holder(port: u16) -> io::Result<Option<Holder>> {
    let kind = (AddressFamily::UNIX, SocketType::STREAM);
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(kind.0, kind.1, flags, None)?;
    let name = SocketAddrUnix::new_abstract_name(claim_name(port).as_bytes())?;
    // Nobody accepts: the connection waits in the listener's queue, and ends with it.
    match rustix::net::connect(&socket, &name) {
        Ok(()) => Ok(Some(Holder {
            pid: peer(&socket)?.pid,
            ended: Some(socket),
        })),
        Err(Errno::AGAIN) => Ok(Some(Holder {
            pid: 0,
            ended: None,
        })),
        Err(Errno::CONNREFUSED) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Makes this process the one that others see as the holder of a claim that it was given.
pub(crate) fn sign(claim: &OwnedFd) {
    // A socket's peers are told who called `listen` last. What is no socket refuses, which is fine.
    // The queue is for those who wait for its end, whom nobody accepts.
    let _ = rustix::net::listen(claim, 4096);
}

fn claim_name(port: u16) -> String {
    format!("summon-port-{port}")
}

/// Whether a server could bind the port on every address of both families, for TCP and UDP.
pub(crate) fn is_free(port: u16) -> bool {
    let wildcards = [
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
    ];
    wildcards.iter().all(|addr| {
        [SocketType::STREAM, SocketType::DGRAM]
            .into_iter()
            .all(|kind| can_bind(addr, kind))
    })
}

/// Binds and lets go; nobody can connect meanwhile, since it does not listen.
fn can_bind(addr: &SocketAddr, kind: SocketType) -> bool {
    let family = match addr {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let Ok(socket) = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None) else {
        // No such family on this machine, so nobody has the port there.
        return true;
    };
    // Without SO_REUSEADDR, so that a port with connections in TIME_WAIT is not free: a server
    // that does not set it either could not bind it (`socket(7)`).
    if addr.is_ipv6() {
        // Each family for itself.
        let _ = rustix::net::sockopt::set_ipv6_v6only(&socket, true);
    }
    rustix::net::bind(&socket, addr).is_ok()
}

/// Whether somebody has bound an address, told without asking the kernel who.
pub(crate) fn is_bound(addr: &SocketAddr, protocol: Protocol) -> bool {
    let kind = match protocol {
        Protocol::Tcp => SocketType::STREAM,
        Protocol::Udp => SocketType::DGRAM,
    };
    !can_bind(addr, kind)
}

/// Whether an address is one of this machine's own: only those can be bound.
pub(crate) fn is_local(ip: std::net::IpAddr) -> bool {
    // A loopback that is switched off, as IPv6's is in many a container, can't be bound, and is
    // nobody else's all the same.
    ip.is_unspecified() || ip.is_loopback() || can_bind(&SocketAddr::new(ip, 0), SocketType::DGRAM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_somebody_has_is_not_free() {
        for at in ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0"] {
            let tcp = std::net::TcpListener::bind(at).unwrap();
            assert!(!is_free(tcp.local_addr().unwrap().port()), "tcp {at}");
            let udp = std::net::UdpSocket::bind(at).unwrap();
            assert!(!is_free(udp.local_addr().unwrap().port()), "udp {at}");
        }
    }

    #[test]
    fn a_port_with_a_lingering_connection_is_not_free() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let client = std::net::TcpStream::connect(addr).unwrap();
        // Who closes first keeps the connection in TIME_WAIT, here the server.
        drop(listener.accept().unwrap());
        drop((client, listener));
        assert!(!is_free(addr.port()));
    }

    #[test]
    fn addresses_of_this_machine_are_told_from_others() {
        assert!(is_local(Ipv4Addr::LOCALHOST.into()));
        assert!(is_local(Ipv4Addr::UNSPECIFIED.into()));
        // TEST-NET-3, RFC 5737.
        assert!(!is_local(Ipv4Addr::new(203, 0, 113, 7).into()));
    }
}
