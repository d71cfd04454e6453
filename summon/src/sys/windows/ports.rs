//! Facts about ports from the system.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::ops::RangeInclusive;

pub(crate) use super::port_claims::{Holder, claim, holder, keeper, tidy, what_is_claimed};
use crate::sys::listeners::Protocol;

/// Returns the range of ephemeral ports (RFC 6335).
pub(crate) fn ephemeral() -> RangeInclusive<u16> {
    49152..=65535
}

/// Whether a server could bind the port.
pub(crate) fn is_free(port: u16) -> bool {
    let addr = SocketAddr::from(([127, 0, 0, 1], port));
    !is_bound(&addr, Protocol::Tcp) && !is_bound(&addr, Protocol::Udp)
}

/// Whether an address is bound.
pub(crate) fn is_bound(addr: &SocketAddr, protocol: Protocol) -> bool {
    // `std` sets no `SO_REUSEADDR` on Windows. There the option would let this `bind` succeed beside a
    // server that has the port.
    match protocol {
        Protocol::Tcp => TcpListener::bind(addr).is_err(),
        Protocol::Udp => UdpSocket::bind(addr).is_err(),
    }
}

/// Whether a socket would keep a server from binding a port.
pub(crate) fn is_held(port: u16, protocol: Protocol) -> bool {
    is_bound(&SocketAddr::from(([0, 0, 0, 0], port)), protocol)
}

/// Whether a server has an address.
pub(crate) fn is_taken(addr: &SocketAddr, protocol: Protocol) -> io::Result<bool> {
    Ok(is_bound(addr, protocol))
}

/// Whether an address belongs to this machine. Only such an address can be bound.
pub(crate) fn is_local(addr: SocketAddr) -> bool {
    let ip = addr.ip();
    ip.is_unspecified() || ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok()
}
