//! Finds the sockets that serve a TCP or UDP port. Not supported.

use std::io;
use std::net::SocketAddr;

use super::diag::Diag;
use super::proc::SocketId;
use crate::sys::listeners::{Connection, ListeningSocket, Protocol};

/// Lists the listeners on `port` in both families. Port 0 means all ports.
pub(crate) fn on_port(
    diag: &Diag,
    _port: u16,
    _protocol: Protocol,
) -> io::Result<Vec<ListeningSocket>> {
    match diag.0 {}
}

/// Lists the sockets with the local port `port` that don't serve.
pub(crate) fn connections(
    diag: &Diag,
    _port: u16,
    _protocol: Protocol,
) -> io::Result<Vec<Connection>> {
    match diag.0 {}
}

/// Finds the socket that would receive a packet to an address.
pub(crate) fn that_hears(
    diag: &Diag,
    _addr: SocketAddr,
    _protocol: Protocol,
) -> io::Result<Option<SocketId>> {
    match diag.0 {}
}
