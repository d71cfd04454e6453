//! Who serves a TCP or UDP port, as far as the processes can be seen that are asked about.

use std::io;
use std::net::SocketAddr;

use super::diag::Diag;
use super::proc::SocketId;
use crate::sys::listeners::{Connection, Listener, Protocol};

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
            interface: 0,
        };
        // Several processes may hold one.
        if (port == 0 || addr.port() == port) && !found.contains(&listener) {
            found.push(listener);
        }
    }
    Ok(found)
}

/// Every socket that has `port` as its local end and serves nobody there. It is not looked at: those
/// that hold a port longest, in `TIME_WAIT`, no process has.
#[expect(clippy::unnecessary_wraps, reason = "on other systems it may fail")]
pub(crate) fn connections(
    _diag: &Diag,
    _port: u16,
    _protocol: Protocol,
) -> io::Result<Vec<Connection>> {
    Ok(Vec::new())
}

/// The socket that a packet to that address would find, if it is one that serves.
pub(crate) fn that_hears(
    diag: &Diag,
    addr: SocketAddr,
    protocol: Protocol,
) -> io::Result<Option<SocketId>> {
    let listeners = on_port(diag, addr.port(), protocol)?;
    let hears = listeners.iter().find(|listener| listener.covers(addr));
    Ok(hears.map(|listener| listener.inode))
}

/// The interface on which a packet from this machine to one of its own addresses arrives: the system
/// does not tell which sockets are bound to one.
pub(crate) fn interface(_addr: SocketAddr) -> u32 {
    0
}

/// The name of an interface.
pub(crate) fn interface_name(index: u32) -> String {
    index.to_string()
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
