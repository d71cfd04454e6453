//! Who serves a TCP or UDP port, asked of the kernel, so that the server sees no connection from us.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::diag::{CLOSE, Diag, LISTEN, attributes, u32_at};
use crate::sys::listeners::{Listener, Protocol};

/// The number of the protocol, and the states of sockets that serve.
fn asked(protocol: Protocol) -> (u8, u32) {
    match protocol {
        Protocol::Tcp => (libc::IPPROTO_TCP as u8, LISTEN),
        Protocol::Udp => (libc::IPPROTO_UDP as u8, CLOSE),
    }
}

/// Every listener on `port`, or on any if it is 0, both families.
pub(crate) fn on_port(diag: &Diag, port: u16, protocol: Protocol) -> io::Result<Vec<Listener>> {
    let mut found = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        let question = question(family as u8, protocol, port);
        diag.ask(&question, |answer| found.extend(parse(answer)))?;
    }
    found.retain(|listener| port == 0 || listener.addr.port() == port);
    Ok(found)
}

/// Whether a packet to that address would find a socket that serves.
pub(crate) fn would_be_heard(
    diag: &Diag,
    addr: SocketAddr,
    protocol: Protocol,
) -> io::Result<bool> {
    let family = match addr {
        SocketAddr::V4(_) => libc::AF_INET,
        SocketAddr::V6(_) => libc::AF_INET6,
    };
    let mut question = question(family as u8, protocol, 0);
    // In `struct inet_diag_sockid` the source is the socket's own address, but for UDP, where the
    // kernel has them swapped.
    let (port, address) = match protocol {
        Protocol::Tcp => (8, 12),
        Protocol::Udp => (10, 28),
    };
    question[port..port + 2].copy_from_slice(&addr.port().to_be_bytes());
    match addr.ip() {
        IpAddr::V4(ip) => question[address..address + 4].copy_from_slice(&ip.octets()),
        IpAddr::V6(ip) => question[address..address + 16].copy_from_slice(&ip.octets()),
    }
    // Any cookie.
    question[48..56].fill(0xff);
    diag.is_there(&question)
}

const INET_DIAG_SKV6ONLY: u16 = 11;
/// `struct inet_diag_msg`.
const MESSAGE: usize = 72;

/// A `struct inet_diag_req_v2` (`linux/inet_diag.h`).
fn question(family: u8, protocol: Protocol, port: u16) -> Vec<u8> {
    let (number, states) = asked(protocol);
    let mut question = Vec::with_capacity(56);
    question.extend([family, number, 0, 0]);
    question.extend(states.to_ne_bytes());
    question.extend(port.to_be_bytes());
    question.resize(56, 0); // any peer, any address, any interface
    question
}

/// Reads a `struct inet_diag_msg` and the attributes behind it.
fn parse(message: &[u8]) -> Option<Listener> {
    if message.len() < MESSAGE {
        return None;
    }
    let port = u16::from_be_bytes([message[4], message[5]]);
    let source: [u8; 16] = message[8..24].try_into().ok()?;
    let ip = match i32::from(message[0]) {
        libc::AF_INET => IpAddr::V4(Ipv4Addr::new(source[0], source[1], source[2], source[3])),
        _ => IpAddr::V6(Ipv6Addr::from(source)),
    };
    let only = attributes(&message[MESSAGE..]).find(|(kind, _)| *kind == INET_DIAG_SKV6ONLY);
    Some(Listener {
        addr: SocketAddr::new(ip, port),
        inode: u32_at(message, 68),
        dual: only.map_or(ip.is_ipv6(), |(_, value)| value.first() == Some(&0)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn listener_at(at: &str) -> (TcpListener, Listener) {
        let socket = TcpListener::bind(at).unwrap();
        let addr = socket.local_addr().unwrap();
        let found = on_port(&Diag::open().unwrap(), addr.port(), Protocol::Tcp).unwrap();
        let seen = found.into_iter().find(|listener| listener.addr == addr);
        (socket, seen.expect("the kernel tells of our listener"))
    }

    #[test]
    fn the_kernel_tells_who_listens() {
        let (socket, seen) = listener_at("127.0.0.1:0");
        assert!(seen.covers(Ipv4Addr::LOCALHOST.into()));
        assert!(!seen.covers(Ipv6Addr::LOCALHOST.into()));
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
        let heard = |addr: SocketAddr, protocol| would_be_heard(&diag, addr, protocol).unwrap();
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
        assert!(seen.covers(Ipv4Addr::LOCALHOST.into()));
        assert!(seen.covers(Ipv6Addr::LOCALHOST.into()));
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
        assert!(!seen.covers(Ipv4Addr::LOCALHOST.into()));
    }
}
