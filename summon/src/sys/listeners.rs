//! Who serves a TCP or UDP port, asked of the kernel (`sock_diag(7)`), so that the server sees no
//! connection from us. One question costs tens of microseconds however many connections the
//! machine has, since the kernel walks its listeners alone.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

/// What a port belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Served by a socket in the state LISTEN.
    Tcp,
    /// Served by a socket that is bound, and connected to nobody.
    Udp,
}

impl Protocol {
    /// The number of the protocol, and the states (`1 << TCP_LISTEN`, `1 << TCP_CLOSE`) of sockets
    /// that serve.
    fn asked(self) -> (u8, u32) {
        match self {
            Protocol::Tcp => (libc::IPPROTO_TCP as u8, 1 << 10),
            Protocol::Udp => (libc::IPPROTO_UDP as u8, 1 << 7),
        }
    }
}

/// One socket that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) addr: SocketAddr,
    pub(crate) inode: u32,
    /// An IPv6 wildcard that takes IPv4 connections too.
    dual: bool,
}

impl Listener {
    /// Whether a connection to `addr` can reach this listener.
    pub(crate) fn covers(&self, addr: IpAddr) -> bool {
        match (self.addr.ip(), addr) {
            (mine, theirs) if mine == theirs => true,
            (IpAddr::V4(mine), IpAddr::V4(_)) => mine.is_unspecified(),
            (IpAddr::V6(mine), IpAddr::V6(_)) => mine.is_unspecified(),
            (IpAddr::V6(mine), IpAddr::V4(theirs)) => {
                (mine.is_unspecified() && self.dual) || mine.to_ipv4_mapped() == Some(theirs)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
        }
    }
}

/// Every listener on `port`, both families.
pub(crate) fn on_port(port: u16, protocol: Protocol) -> io::Result<Vec<Listener>> {
    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(netlink::SOCK_DIAG),
    )?;
    let mut found = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        ask(&socket, family as u8, protocol, port)?;
        while read_answers(&socket, &mut found)? == More::Yes {}
    }
    found.retain(|listener| listener.addr.port() == port);
    Ok(found)
}

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const INET_DIAG_SKV6ONLY: u16 = 11;
/// `struct nlmsghdr`.
const HEADER: usize = 16;
/// `struct inet_diag_msg`.
const MESSAGE: usize = 72;

/// Sends a `struct nlmsghdr` and a `struct inet_diag_req_v2` (`linux/inet_diag.h`).
fn ask(socket: &OwnedFd, family: u8, protocol: Protocol, port: u16) -> io::Result<()> {
    let (number, states) = protocol.asked();
    let mut request = Vec::with_capacity(HEADER + 56);
    request.extend(((HEADER + 56) as u32).to_ne_bytes());
    request.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request.extend(((libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16).to_ne_bytes());
    request.extend([0; 8]); // sequence, port id
    request.extend([family, number, 0, 0]);
    request.extend(states.to_ne_bytes());
    request.extend(port.to_be_bytes());
    request.resize(HEADER + 56, 0); // any peer, any address, any interface
    rustix::net::send(socket, &request, SendFlags::empty())?;
    Ok(())
}

#[derive(PartialEq)]
enum More {
    Yes,
    No,
}

fn read_answers(socket: &OwnedFd, found: &mut Vec<Listener>) -> io::Result<More> {
    let mut buffer = [0u8; 16 * 1024];
    let (length, _) = rustix::net::recv(socket, &mut buffer[..], RecvFlags::empty())?;
    let mut rest = &buffer[..length];
    while rest.len() >= HEADER {
        let length = (u32_at(rest, 0) as usize).clamp(HEADER, rest.len());
        let (message, after) = rest.split_at(length);
        match i32::from(u16_at(message, 4)) {
            libc::NLMSG_DONE => return Ok(More::No),
            libc::NLMSG_ERROR => {
                let code = message
                    .get(HEADER..HEADER + 4)
                    .map_or(0, |_| u32_at(message, HEADER));
                return Err(io::Error::from_raw_os_error((code as i32).wrapping_neg()));
            }
            _ => found.extend(parse(&message[HEADER..])),
        }
        // Messages are aligned to four bytes.
        rest = after.get((4 - length % 4) % 4..).unwrap_or_default();
    }
    Ok(More::Yes)
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
    let mut dual = ip.is_ipv6();
    let mut attributes = &message[MESSAGE..];
    while attributes.len() >= 4 {
        let length = usize::from(u16_at(attributes, 0)).clamp(4, attributes.len());
        if u16_at(attributes, 2) == INET_DIAG_SKV6ONLY {
            dual = attributes.get(4) == Some(&0);
        }
        attributes = attributes
            .get(length.next_multiple_of(4)..)
            .unwrap_or_default();
    }
    Some(Listener {
        addr: SocketAddr::new(ip, port),
        inode: u32_at(message, 68),
        dual,
    })
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn listener_at(at: &str) -> (TcpListener, Listener) {
        let socket = TcpListener::bind(at).unwrap();
        let addr = socket.local_addr().unwrap();
        let found = on_port(addr.port(), Protocol::Tcp).unwrap();
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
            !on_port(seen.addr.port(), Protocol::Tcp)
                .unwrap()
                .contains(&seen)
        );
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
            let found = on_port(addr.port(), protocol).unwrap();
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
