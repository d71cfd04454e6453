//! What the system says of ports.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::ops::RangeInclusive;

pub(crate) use super::claims::{Holder, claim, holder, keeper, tidy, what_is_claimed};
use crate::sys::listeners::Protocol;

/// The ports that the system gives to whoever asks for none in particular (RFC 6335).
pub(crate) fn ephemeral() -> RangeInclusive<u16> {
    49152..=65535
}

/// Whether a server could bind the port.
pub(crate) fn is_free(port: u16) -> bool {
    let addr = SocketAddr::from(([127, 0, 0, 1], port));
    !is_bound(&addr, Protocol::Tcp) && !is_bound(&addr, Protocol::Udp)
}

/// Whether somebody has bound an address.
pub(crate) fn is_bound(addr: &SocketAddr, protocol: Protocol) -> bool {
    match protocol {
        Protocol::Tcp => TcpListener::bind(addr).is_err(),
        Protocol::Udp => UdpSocket::bind(addr).is_err(),
    }
}

/// Whether some socket keeps a server from binding a port.
pub(crate) fn is_held(port: u16, protocol: Protocol) -> bool {
    is_bound(&SocketAddr::from(([0, 0, 0, 0], port)), protocol)
}

/// Whether somebody serves an address.
pub(crate) fn is_taken(addr: &SocketAddr, protocol: Protocol) -> io::Result<bool> {
    Ok(is_bound(addr, protocol))
}

/// Whether an address is one of this machine's own: only those can be bound.
pub(crate) fn is_local(addr: SocketAddr) -> bool {
    let ip = addr.ip();
    ip.is_unspecified() || ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok()
}
