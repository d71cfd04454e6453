//! Finds the sockets that serve a TCP or UDP port, as far as their processes are visible.

use std::io;
use std::net::SocketAddr;

use super::diag::Diag;
use super::proc::SocketId;
use crate::sys::listeners::{Connection, ListeningSocket, Protocol};

/// Lists the listeners on `port` in both families. Port 0 means all ports.
pub(crate) fn on_port(
    diag: &Diag,
    port: u16,
    protocol: Protocol,
) -> io::Result<Vec<ListeningSocket>> {
    let mut found: Vec<ListeningSocket> = Vec::new();
    for socket in diag.sockets()? {
        let Some((addr, dual)) = socket.serves(protocol) else {
            continue;
        };
        let listener = ListeningSocket {
            addr,
            inode: socket.id,
            dual,
            interface: 0,
        };
        // Processes share a socket after a fork, so it may turn up more than once.
        if (port == 0 || addr.port() == port) && !found.contains(&listener) {
            found.push(listener);
        }
    }
    Ok(found)
}

/// Lists the sockets with the local port `port` that don't serve. Always empty: the sockets that
/// hold a port longest are in `TIME_WAIT`, and belong to no process.
#[expect(clippy::unnecessary_wraps, reason = "on other systems it may fail")]
pub(crate) fn connections(
    _diag: &Diag,
    _port: u16,
    _protocol: Protocol,
) -> io::Result<Vec<Connection>> {
    Ok(Vec::new())
}

/// Finds the socket that would receive a packet to `addr`, if that socket serves.
pub(crate) fn that_hears(
    diag: &Diag,
    addr: SocketAddr,
    protocol: Protocol,
) -> io::Result<Option<SocketId>> {
    let listeners = on_port(diag, addr.port(), protocol)?;
    // The kernel does not say which socket it would choose. Take the first that covers the address.
    let hears = listeners.iter().find(|listener| listener.covers(addr));
    Ok(hears.map(|listener| listener.inode))
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
            assert_eq!(
                seen.covers((Ipv4Addr::LOCALHOST, 0).into()),
                at != "[::1]:0"
            );
            assert_eq!(
                seen.covers((Ipv6Addr::LOCALHOST, 0).into()),
                at.starts_with('[')
            );
            drop(socket);
            assert!(!on_port().contains(&seen));
        }
    }

    #[test]
    fn the_system_tells_who_serves_udp() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        let diag = Diag::open().unwrap();
        assert!(that_hears(&diag, addr, Protocol::Udp).unwrap().is_some());
        assert!(that_hears(&diag, addr, Protocol::Tcp).unwrap().is_none());
    }
}
