//! Who serves a TCP or UDP port: nobody tells.

use std::io;
use std::net::SocketAddr;

use super::diag::Diag;
use crate::sys::listeners::{Listener, Protocol};

/// Every listener on `port`, or on any if it is 0, both families.
pub(crate) fn on_port(diag: &Diag, _port: u16, _protocol: Protocol) -> io::Result<Vec<Listener>> {
    match diag.0 {}
}

/// Whether a packet to that address would find a socket that serves.
pub(crate) fn would_be_heard(
    diag: &Diag,
    _addr: SocketAddr,
    _protocol: Protocol,
) -> io::Result<bool> {
    match diag.0 {}
}
