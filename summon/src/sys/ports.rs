//! What the kernel says of ports: which it hands out itself, which are free, who has claimed one.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType};

pub(crate) use super::claims::{
    Holder, Signed, claim, holder, keeper, sign, tidy, what_is_claimed,
};
use super::listeners::Protocol;
use super::{claims, sockets};

/// The ports that the kernel gives to whoever asks for none in particular, so that one of them
/// may be taken at any moment.
pub(crate) fn ephemeral() -> RangeInclusive<u16> {
    let (first, last) = claims::ephemeral().unwrap_or(claims::EPHEMERAL);
    first..=last
}

/// Whether a server could bind the port on every address of both families, for TCP and UDP.
pub(crate) fn is_free(port: u16) -> bool {
    wildcards(port).iter().all(|addr| {
        [SocketType::STREAM, SocketType::DGRAM]
            .into_iter()
            .all(|kind| can_bind(addr, kind))
    })
}

fn wildcards(port: u16) -> [SocketAddr; 2] {
    [
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
    ]
}

fn can_bind(addr: &SocketAddr, kind: SocketType) -> bool {
    match unbound(addr, kind) {
        Ok(socket) => rustix::net::bind(&socket, addr).is_ok(),
        // No such family on this machine, so nobody has the port there.
        Err(_) => true,
    }
}

/// A socket to bind and let go; nobody can connect meanwhile, since it does not listen.
fn unbound(addr: &SocketAddr, kind: SocketType) -> io::Result<OwnedFd> {
    let family = match addr {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = sockets::socket(family, kind)?;
    // Without SO_REUSEADDR, so that a port with connections in TIME_WAIT is not free: a server
    // that does not set it either could not bind it (`socket(7)`).
    if addr.is_ipv6() {
        // Each family for itself.
        let _ = rustix::net::sockopt::set_ipv6_v6only(&socket, true);
    }
    Ok(socket)
}

fn kind(protocol: Protocol) -> SocketType {
    match protocol {
        Protocol::Tcp => SocketType::STREAM,
        Protocol::Udp => SocketType::DGRAM,
    }
}

/// Whether somebody has bound an address, told without asking the kernel who.
pub(crate) fn is_bound(addr: &SocketAddr, protocol: Protocol) -> bool {
    !can_bind(addr, kind(protocol))
}

/// Whether some socket keeps a server from binding a port on every address, be it one that serves or
/// a connection that is there still: for a server that does not set `SO_REUSEADDR`.
pub(crate) fn is_held(port: u16, protocol: Protocol) -> bool {
    wildcards(port).iter().any(|addr| {
        let socket = unbound(addr, kind(protocol));
        socket.is_ok_and(|it| rustix::net::bind(&it, addr) == Err(Errno::ADDRINUSE))
    })
}

/// Whether somebody serves an address, told without asking the kernel who: connections that are
/// there still don't count. It is an error if that can't be told.
pub(crate) fn is_taken(addr: &SocketAddr, protocol: Protocol) -> io::Result<bool> {
    let socket = unbound(addr, kind(protocol))?;
    if protocol == Protocol::Tcp {
        // A server that sets it too may bind the port while this one has it.
        rustix::net::sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    match rustix::net::bind(&socket, addr) {
        Ok(()) => Ok(false),
        Err(Errno::ADDRINUSE) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Whether an address is one of this machine's own: only those can be bound.
pub(crate) fn is_local(addr: SocketAddr) -> bool {
    let ip = addr.ip();
    // A loopback that is switched off, as IPv6's is in many a container, can't be bound, and is
    // nobody else's all the same.
    let is_known = ip.is_unspecified() || ip.is_loopback();
    is_known || {
        let mut any_port = addr;
        any_port.set_port(0);
        can_bind(&any_port, SocketType::DGRAM)
    }
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
        assert!(is_local((Ipv4Addr::LOCALHOST, 80).into()));
        assert!(is_local((Ipv4Addr::UNSPECIFIED, 80).into()));
        // TEST-NET-3, RFC 5737.
        assert!(!is_local((Ipv4Addr::new(203, 0, 113, 7), 80).into()));
    }
}
