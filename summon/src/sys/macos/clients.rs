//! The sockets of clients. Only links need them, which don't exist on macOS so far.
#![allow(dead_code, reason = "no link is made that would use it")]

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;

use super::diag::Diag;
use super::proc::SocketId;

pub(crate) fn socket_of(
    _diag: &Diag,
    _client: SocketAddr,
    _server: SocketAddr,
) -> io::Result<Option<SocketId>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The sockets of trees of processes.
pub(crate) struct Below {
    pub(crate) sockets: HashSet<SocketId>,
    pub(crate) is_whole: bool,
}

pub(crate) fn sockets_below(_roots: &[(u32, u64)]) -> Below {
    Below {
        sockets: HashSet::new(),
        is_whole: false,
    }
}

pub(crate) fn held_elsewhere(
    _sockets: &HashSet<SocketId>,
    _roots: &[(u32, u64)],
) -> HashSet<SocketId> {
    HashSet::new()
}
