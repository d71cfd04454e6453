//! Who serves a TCP or UDP port: nobody tells.

use std::io;
use std::net::SocketAddr;

use super::diag::Diag;
use super::proc::SocketId;
use crate::sys::listeners::{Connection, Listener, Protocol};

/// Every listener on `port`, or on any if it is 0, both families.
pub(crate) fn on_port(diag: &Diag, _port: u16, _protocol: Protocol) -> io::Result<Vec<Listener>> {
    match diag.0 {}
}

/// Every socket that has `port` as its local end and serves nobody there.
pub(crate) fn connections(
    diag: &Diag,
    _port: u16,
    _protocol: Protocol,
) -> io::Result<Vec<Connection>> {
    match diag.0 {}
}

/// The socket that a packet to that address would find.
pub(crate) fn that_hears(
    diag: &Diag,
    _addr: SocketAddr,
    _protocol: Protocol,
) -> io::Result<Option<SocketId>> {
    match diag.0 {}
}

/// The interface on which a packet from this machine to one of its own addresses arrives.
pub(crate) fn interface(_addr: SocketAddr) -> u32 {
    0
}

/// The name of an interface.
pub(crate) fn interface_name(index: u32) -> String {
    index.to_string()
}
