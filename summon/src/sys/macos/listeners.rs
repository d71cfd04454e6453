//! Who serves a TCP or UDP port, as far as the processes can be seen that are asked about.

use std::io;
use std::net::SocketAddr;

use super::diag::Diag;
use crate::sys::listeners::{Listener, Protocol};

/// Every listener on `port`, or on any if it is 0, both families.
pub(crate) fn on_port(diag: &Diag, port: u16, protocol: Protocol) -> io::Result<Vec<Listener>> {
    let mut found: Vec<Listener> = Vec::new();
    for socket in diag.sockets()? {
        let Some((addr, dual)) = socket.serves(protocol) else {
            continue;
        };
        let listener = Listener {
            addr,
            inode: socket.id,
            dual,
        };
        // Several processes may hold one.
        if (port == 0 || addr.port() == port) && !found.contains(&listener) {
            found.push(listener);
        }
    }
    Ok(found)
}

/// Whether a packet to that address would find a socket that serves.
pub(crate) fn would_be_heard(
    diag: &Diag,
    addr: SocketAddr,
    protocol: Protocol,
) -> io::Result<bool> {
    let listeners = on_port(diag, addr.port(), protocol)?;
    Ok(listeners.iter().any(|listener| listener.covers(addr.ip())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};

    #[test]
    fn the_system_tells_who_listens() {
        for at in ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"] {
            let socket = TcpListener::bind(at).unwrap();
            let addr = socket.local_addr().unwrap();
            let on_port = || {
                let diag = Diag::open().unwrap();
                on_port(&diag, addr.port(), Protocol::Tcp).unwrap()
            };
            let seen = on_port().into_iter().find(|it| it.addr == addr).unwrap();
            assert_eq!(seen.covers(Ipv4Addr::LOCALHOST.into()), at != "[::1]:0");
            assert_eq!(seen.covers(Ipv6Addr::LOCALHOST.into()), at.starts_with('['));
            drop(socket);
            assert!(!on_port().contains(&seen));
        }
    }

    #[test]
    fn the_system_tells_who_serves_udp() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        let diag = Diag::open().unwrap();
        assert!(would_be_heard(&diag, addr, Protocol::Udp).unwrap());
        assert!(!would_be_heard(&diag, addr, Protocol::Tcp).unwrap());
    }
}
