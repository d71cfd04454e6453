//! Facts about ports, found out by binding sockets to them.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType};

use super::listeners::Protocol;
use super::sockets;

/// Whether a server could bind the port on all addresses of both families, for TCP and UDP.
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
        // The machine lacks this family, so no socket has the port there.
        Err(_) => true,
    }
}

/// Makes a socket for a trial `bind`. It does not listen, so no client can connect meanwhile.
fn unbound(addr: &SocketAddr, kind: SocketType) -> io::Result<OwnedFd> {
    let family = match addr {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = sockets::socket(family, kind)?;
    // `SO_REUSEADDR` stays off: a port with connections in TIME_WAIT counts as taken, since a
    // server without that option could not bind it (`socket(7)`).
    if addr.is_ipv6() {
        // Each family alone: an IPv6 wildcard that takes IPv4 too would fail because of an IPv4
        // socket.
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

/// Whether an address is bound, found out without asking the kernel for the owner.
pub(crate) fn is_bound(addr: &SocketAddr, protocol: Protocol) -> bool {
    !can_bind(addr, kind(protocol))
}

/// Whether a socket would keep a server without `SO_REUSEADDR` from binding a port on all
/// addresses: a listener or a remaining connection.
pub(crate) fn is_held(port: u16, protocol: Protocol) -> bool {
    wildcards(port).iter().any(|addr| {
        let socket = unbound(addr, kind(protocol));
        socket.is_ok_and(|it| rustix::net::bind(&it, addr) == Err(Errno::ADDRINUSE))
    })
}

/// Whether a server has an address, found out without asking the kernel for the owner. Remaining
/// connections don't count. Fails if the kernel gives another error.
pub(crate) fn is_taken(addr: &SocketAddr, protocol: Protocol) -> io::Result<bool> {
    let socket = unbound(addr, kind(protocol))?;
    if protocol == Protocol::Tcp {
        // With this option `bind` succeeds beside connections in TIME_WAIT, and still fails beside
        // a listener (`socket(7)`). The port is this socket's for a moment only. A server that sets
        // the option can bind it even then, since this socket never listens.
        rustix::net::sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    match rustix::net::bind(&socket, addr) {
        Ok(()) => Ok(false),
        Err(Errno::ADDRINUSE) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Whether an address belongs to this machine. Only such an address can be bound.
pub(crate) fn is_local(addr: SocketAddr) -> bool {
    let ip = addr.ip();
    // Loopback may be switched off and can't be bound then, as IPv6's in many containers. It still
    // belongs to this machine.
    let is_known = ip.is_unspecified() || ip.is_loopback();
    is_known || {
        // Port 0 and a datagram socket: `bind` can fail only because of the address, not of another
        // socket.
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
        // The side that closes first keeps the connection in TIME_WAIT. Here it is the server.
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
