//! Finds the sockets that serve a TCP or UDP port. The kernel answers, so the server sees no
//! connection from summon.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::diag::Diag;
use super::interfaces::interface;
use super::netlink::{ALL, asked, attributes, question, u32_at};
use super::proc::SocketId;
use super::proc_net::{self, state_name};
use crate::sys::listeners::{Connection, ListeningSocket, Protocol};

/// Lists the listeners on `port` in both families. Port 0 means all ports.
pub(crate) fn on_port(
    diag: &Diag,
    port: u16,
    protocol: Protocol,
) -> io::Result<Vec<ListeningSocket>> {
    let Some(netlink) = diag.netlink() else {
        return proc_net::listeners(port, protocol);
    };
    let mut found = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        let question = question(family as u8, protocol, port);
        // The two dumps are not one picture: a server may bind between them. Then it is missing
        // here once, and the caller's next look finds it.
        netlink.ask(&question, |answer| found.extend(parse(answer)))?;
    }
    found.retain(|listener| port == 0 || listener.addr.port() == port);
    Ok(found)
}

/// Lists the sockets with the local port `port` that don't serve, in both families. The kernel
/// looks at every connection for that, so use it only for error messages.
pub(crate) fn connections(
    diag: &Diag,
    port: u16,
    protocol: Protocol,
) -> io::Result<Vec<Connection>> {
    let Some(netlink) = diag.netlink() else {
        return proc_net::connections(port, protocol);
    };
    let (_, serves) = asked(protocol);
    let mut found = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        let mut question = question(family as u8, protocol, port);
        // These bytes are `idiag_states`. A state that the kernel doesn't know has no sockets, so
        // an older kernel accepts its bit.
        question[4..8].copy_from_slice(&(ALL & !serves).to_ne_bytes());
        netlink.ask(&question, |answer| found.extend(parse_connection(answer)))?;
    }
    found.retain(|connection| connection.local.port() == port);
    Ok(found)
}

/// Finds the local socket of a connection by both its ends.
pub(super) fn connection(
    diag: &Diag,
    local: SocketAddr,
    peer: SocketAddr,
) -> io::Result<Option<SocketId>> {
    let is_it = |it: &Connection| is_same(it.local, local) && is_same(it.peer, peer);
    let Some(netlink) = diag.netlink() else {
        let mut all = proc_net::connections(local.port(), Protocol::Tcp)?.into_iter();
        return Ok(all.find(is_it).map(|it| it.inode));
    };
    let mut question = exact(local, Protocol::Tcp);
    question[10..12].copy_from_slice(&peer.port().to_be_bytes());
    put_ip(&mut question, 28, peer.ip());
    let mut found = None;
    netlink.ask_for_one(&question, |answer| {
        // Without such a connection, the kernel answers with a listener on this port.
        found = parse_connection(answer).filter(is_it).map(|it| it.inode);
    })?;
    Ok(found)
}

/// Whether two addresses are equal. An IPv6 socket may have an IPv4 address in IPv6 notation.
fn is_same(one: SocketAddr, two: SocketAddr) -> bool {
    let ip = |addr: SocketAddr| -> IpAddr { addr.ip().to_canonical() };
    (ip(one), one.port()) == (ip(two), two.port())
}

/// Finds the socket that would receive a packet to `addr`, if that socket serves.
pub(crate) fn that_hears(
    diag: &Diag,
    addr: SocketAddr,
    protocol: Protocol,
) -> io::Result<Option<SocketId>> {
    let Some(netlink) = diag.netlink() else {
        // The tables list sockets, but not the one that the kernel would choose. So take the first
        // that covers the address: callers compare it with the service's own sockets.
        let listeners = proc_net::listeners(addr.port(), protocol)?;
        let hears = listeners.iter().find(|listener| listener.covers(addr));
        return Ok(hears.map(|listener| listener.inode));
    };
    let question = exact(addr, protocol);
    let mut found = None;
    netlink.ask_for_one(&question, |answer| {
        found = parse(answer).map(|listener| listener.inode);
    })?;
    Ok(found)
}

/// Makes a question for the socket with this address.
fn exact(addr: SocketAddr, protocol: Protocol) -> Vec<u8> {
    let family = match addr {
        SocketAddr::V4(_) => libc::AF_INET,
        SocketAddr::V6(_) => libc::AF_INET6,
    };
    let mut question = question(family as u8, protocol, 0);
    // `struct inet_diag_sockid` has the socket's own address as the source. For UDP the kernel
    // swaps source and destination.
    let (port, address) = match protocol {
        Protocol::Tcp => (8, 12),
        Protocol::Udp => (10, 28),
    };
    question[port..port + 2].copy_from_slice(&addr.port().to_be_bytes());
    put_ip(&mut question, address, addr.ip());
    // A socket bound to a device takes only packets that arrive on that interface
    // (`SO_BINDTODEVICE` in `socket(7)`), so the lookup needs the interface.
    question[44..48].copy_from_slice(&interface(addr).to_ne_bytes());
    // `INET_DIAG_NOCOOKIE`: the socket may be any, not one known from an earlier answer.
    question[48..56].fill(0xff);
    question
}

fn put_ip(question: &mut [u8], at: usize, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => question[at..at + 4].copy_from_slice(&ip.octets()),
        IpAddr::V6(ip) => question[at..at + 16].copy_from_slice(&ip.octets()),
    }
}

const INET_DIAG_SKV6ONLY: u16 = 11;
/// `struct inet_diag_msg`.
const MESSAGE: usize = 72;

/// Reads a `struct inet_diag_msg` and the attributes behind it.
fn parse(message: &[u8]) -> Option<ListeningSocket> {
    let addr = end(message, 4, 8)?;
    let ip = addr.ip();
    // The kernel sends this attribute for IPv6 sockets. Kernels before 4.3 may leave it out. Then
    // assume that a wildcard takes IPv4 too, since that is the default.
    let only = attributes(&message[MESSAGE..]).find(|(kind, _)| *kind == INET_DIAG_SKV6ONLY);
    Some(ListeningSocket {
        addr,
        inode: u32_at(message, 68),
        dual: only.map_or(ip.is_ipv6(), |(_, value)| value.first() == Some(&0)),
        interface: u32_at(message, 40),
    })
}

fn parse_connection(message: &[u8]) -> Option<Connection> {
    Some(Connection {
        local: end(message, 4, 8)?,
        peer: end(message, 6, 24)?,
        state: state_name(message[1]),
        inode: u32_at(message, 68),
    })
}

/// Reads one end of a connection. `port` and `address` are offsets in a `struct inet_diag_msg`.
fn end(message: &[u8], port: usize, address: usize) -> Option<SocketAddr> {
    if message.len() < MESSAGE {
        return None;
    }
    let port = u16::from_be_bytes([message[port], message[port + 1]]);
    // The kernel has room for an IPv6 address. One of IPv4 takes the first four bytes.
    let bytes: [u8; 16] = message[address..address + 16].try_into().ok()?;
    let ip = match i32::from(message[0]) {
        libc::AF_INET => IpAddr::V4(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3])),
        _ => IpAddr::V6(Ipv6Addr::from(bytes)),
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    fn listener_at(at: &str) -> (TcpListener, ListeningSocket) {
        let socket = TcpListener::bind(at).unwrap();
        let addr = socket.local_addr().unwrap();
        let found = on_port(&Diag::open().unwrap(), addr.port(), Protocol::Tcp).unwrap();
        let seen = found.into_iter().find(|listener| listener.addr == addr);
        (socket, seen.expect("the kernel tells of our listener"))
    }

    #[test]
    fn the_kernel_tells_who_listens() {
        let (socket, seen) = listener_at("127.0.0.1:0");
        assert!(seen.covers((Ipv4Addr::LOCALHOST, 0).into()));
        assert!(!seen.covers((Ipv6Addr::LOCALHOST, 0).into()));
        drop(socket);
        assert!(
            !on_port(&Diag::open().unwrap(), seen.addr.port(), Protocol::Tcp)
                .unwrap()
                .contains(&seen)
        );
    }

    #[test]
    fn a_packet_finds_its_socket_as_the_kernel_would_deliver_it() {
        let diag = Diag::open().unwrap();
        let heard = |addr, protocol| that_hears(&diag, addr, protocol).unwrap().is_some();
        for at in ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"] {
            let tcp = TcpListener::bind(at).unwrap();
            let udp = std::net::UdpSocket::bind(at).unwrap();
            let tcp_port = tcp.local_addr().unwrap().port();
            let udp_port = udp.local_addr().unwrap().port();
            let v4 = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let v6 = |port| SocketAddr::from((Ipv6Addr::LOCALHOST, port));
            let reached_by_v4 = at != "[::1]:0";
            let reached_by_v6 = at.starts_with('[');
            assert_eq!(heard(v4(tcp_port), Protocol::Tcp), reached_by_v4, "{at}");
            assert_eq!(heard(v6(tcp_port), Protocol::Tcp), reached_by_v6, "{at}");
            assert_eq!(heard(v4(udp_port), Protocol::Udp), reached_by_v4, "{at}");
            assert_eq!(heard(v6(udp_port), Protocol::Udp), reached_by_v6, "{at}");
            drop((tcp, udp));
            assert!(!heard(v4(tcp_port), Protocol::Tcp), "{at}");
        }
    }

    #[test]
    fn a_dual_stack_wildcard_covers_both_families() {
        let (_socket, seen) = listener_at("[::]:0");
        assert!(seen.covers((Ipv4Addr::LOCALHOST, 0).into()));
        assert!(seen.covers((Ipv6Addr::LOCALHOST, 0).into()));
    }

    #[test]
    fn the_kernel_tells_who_serves_udp() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        let serves = |protocol| {
            let found = on_port(&Diag::open().unwrap(), addr.port(), protocol).unwrap();
            found.iter().any(|listener| listener.addr == addr)
        };
        assert!(serves(Protocol::Udp) && !serves(Protocol::Tcp));
    }

    #[test]
    fn an_ipv6_address_does_not_cover_ipv4() {
        let (_socket, seen) = listener_at("[::1]:0");
        assert!(!seen.covers((Ipv4Addr::LOCALHOST, 0).into()));
    }

    #[test]
    fn the_kernel_tells_which_connections_hold_a_port() {
        for diag in [Diag::open().unwrap(), Diag::of_tables()] {
            let listener = TcpListener::bind("[::1]:0").unwrap();
            let addr = listener.local_addr().unwrap();
            let client = std::net::TcpStream::connect(addr).unwrap();
            let (server, _) = listener.accept().unwrap();
            drop(listener);
            // Others may have the same port at another address.
            let seen = || {
                let mut seen = connections(&diag, addr.port(), Protocol::Tcp).unwrap();
                seen.retain(|it| it.local == addr);
                seen
            };
            let [held] = seen()[..] else {
                panic!("{:?}", seen())
            };
            assert_eq!(held.peer, client.local_addr().unwrap());
            assert!(held.state == "ESTABLISHED" && held.inode != 0, "{held:?}");
            let listeners = on_port(&diag, addr.port(), Protocol::Tcp).unwrap();
            assert!(listeners.iter().all(|it| it.addr != addr), "{listeners:?}");
            // The side that closes first keeps the port, after the other side has closed too.
            drop(server);
            drop(client);
            let limit = Instant::now() + Duration::from_secs(30);
            while seen()[0].state != "TIME_WAIT" {
                assert!(Instant::now() < limit, "{:?}", seen());
                std::thread::yield_now();
            }
            assert_eq!(seen()[0].inode, 0);
        }
    }
}
