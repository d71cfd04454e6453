//! Compares the kernel's answers about listeners with the experience of a client, for each way to
//! bind a socket.

use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, sockopt};

use super::diag::Diag;
use super::listeners::{on_port, that_hears};
use super::proc::SocketId;
use crate::sys::listeners::Protocol;

/// How a server binds its socket.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    only_v6: bool,
    on_lo: bool,
    shared: bool,
    multipath: bool,
}

const WAYS: [Way; 8] = {
    let plain = Way {
        only_v6: false,
        on_lo: false,
        shared: false,
        multipath: false,
    };
    [
        plain,
        Way {
            only_v6: true,
            ..plain
        },
        Way {
            on_lo: true,
            ..plain
        },
        Way {
            only_v6: true,
            on_lo: true,
            ..plain
        },
        Way {
            shared: true,
            ..plain
        },
        Way {
            shared: true,
            only_v6: true,
            ..plain
        },
        Way {
            multipath: true,
            ..plain
        },
        Way {
            multipath: true,
            only_v6: true,
            ..plain
        },
    ]
};
const SERVERS: [&str; 8] = [
    "127.0.0.1",
    "127.0.0.2",
    "0.0.0.0",
    "::1",
    "::",
    "::ffff:0.0.0.0",
    "::ffff:127.0.0.1",
    "::ffff:127.0.0.2",
];
const CLIENTS: [&str; 4] = ["127.0.0.1", "127.0.0.2", "127.1.2.3", "::1"];
/// `IPPROTO_MPTCP`. Servers written in Go use it if the kernel supports it.
const MULTIPATH: u32 = 262;

/// Binds a socket. Returns `None` if the kernel lacks such sockets.
fn bind(ip: IpAddr, port: u16, way: Way, protocol: Protocol) -> Option<OwnedFd> {
    let family = match ip {
        IpAddr::V4(_) => AddressFamily::INET,
        IpAddr::V6(_) => AddressFamily::INET6,
    };
    let kind = match protocol {
        Protocol::Tcp => SocketType::STREAM,
        Protocol::Udp => SocketType::DGRAM,
    };
    let number = way
        .multipath
        .then_some(MULTIPATH)
        .and_then(std::num::NonZero::new);
    let number = number.map(rustix::net::Protocol::from_raw);
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, kind, flags, number).ok()?;
    if way.only_v6 && ip.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true).unwrap();
    }
    if way.shared {
        sockopt::set_socket_reuseport(&socket, true).unwrap();
    }
    if way.on_lo {
        // SAFETY: the name is valid for the three bytes that its length says.
        let bound = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_BINDTODEVICE,
                c"lo".as_ptr().cast(),
                3,
            )
        };
        assert_eq!(bound, 0, "{}", std::io::Error::last_os_error());
    }
    // A mapped address can't be bound with `IPV6_V6ONLY`.
    rustix::net::bind(&socket, &SocketAddr::new(ip, port)).ok()?;
    if protocol == Protocol::Tcp {
        rustix::net::listen(&socket, 16).unwrap();
    }
    Some(socket)
}

/// Whether the server receives from a client.
fn reaches(addr: SocketAddr, server: &[OwnedFd], protocol: Protocol) -> bool {
    match protocol {
        Protocol::Tcp => TcpStream::connect_timeout(&addr, Duration::from_secs(20)).is_ok(),
        Protocol::Udp => {
            let any = match addr {
                SocketAddr::V4(_) => "0.0.0.0:0",
                SocketAddr::V6(_) => "[::]:0",
            };
            let client = UdpSocket::bind(any).unwrap();
            client.send_to(b"hello", addr).unwrap();
            // Over loopback the datagram has arrived when `send` returns.
            let mut buffer = [0; 16];
            let mut heard = server.iter().map(|socket| {
                rustix::net::recv(socket, &mut buffer[..], RecvFlags::DONTWAIT).is_ok()
            });
            heard.any(|heard| heard)
        }
    }
}

fn inode(socket: &OwnedFd) -> SocketId {
    let path = format!("/proc/self/fd/{}", socket.as_fd().as_raw_fd());
    std::fs::metadata(path).unwrap().ino() as SocketId
}

#[test]
fn a_listener_is_seen_exactly_where_a_client_reaches_it() {
    let diags = [Diag::open().unwrap(), Diag::of_tables()];
    let (mut told, mut compared) = (Vec::new(), 0);
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        for way in WAYS {
            if way.multipath && protocol == Protocol::Udp {
                continue;
            }
            for server in SERVERS {
                let ip: IpAddr = server.parse().unwrap();
                let Some(socket) = bind(ip, 0, way, protocol) else {
                    continue;
                };
                let port = rustix::net::getsockname(&socket).unwrap();
                let port = SocketAddr::try_from(port).unwrap().port();
                let mut sockets = vec![socket];
                if way.shared {
                    // The kernel gives a packet to either socket of a shared port, so both must be
                    // found.
                    sockets.push(bind(ip, port, way, protocol).unwrap());
                }
                let inodes: Vec<SocketId> = sockets.iter().map(inode).collect();
                let is_ours = |inode: &SocketId| inodes.contains(inode);
                let covering = |diag: &Diag, addr| {
                    let all = on_port(diag, port, protocol).unwrap();
                    let covering = all.iter().filter(|it| it.covers(addr));
                    covering.filter(|it| is_ours(&it.inode)).count()
                };
                for client in CLIENTS {
                    let addr = SocketAddr::new(client.parse().unwrap(), port);
                    let reached = reaches(addr, &sockets, protocol);
                    let hears = that_hears(&diags[0], addr, protocol).unwrap();
                    let hears = hears.as_ref().is_some_and(is_ours);
                    let expected = if reached { inodes.len() } else { 0 };
                    // Sockets of other programs come and go, which can shift the rows of the
                    // tables under a look (see `tables`). The next look is right.
                    let look = |diag: &Diag| {
                        let mut looks = (0..5).map(|_| covering(diag, addr));
                        looks.find(|found| *found == expected)
                    };
                    let covering = diags.each_ref().map(look);
                    compared += 1;
                    if hears != reached || covering != [Some(expected); 2] {
                        told.push(format!(
                            "{protocol:?} {server} {way:?}, asked for {client}: reached {reached}, \
                             heard {hears}, {covering:?} cover it, and not {expected}\n"
                        ));
                    }
                }
            }
        }
    }
    // Some kernels lack a way to bind, and mapped addresses can't be bound for IPv6 alone.
    assert!(compared > 200, "{compared}");
    assert!(told.is_empty(), "{}", told.concat());
}
