//! Who serves a TCP or UDP port, asked of the system, so that the server sees no connection from us.

use std::net::{IpAddr, SocketAddr};

use super::proc::SocketId;
pub(crate) use super::system::listeners::{on_port, would_be_heard};

/// What a port belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Served by a socket in the state LISTEN.
    Tcp,
    /// Served by a socket that is bound, and connected to nobody.
    Udp,
}

/// One socket that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) addr: SocketAddr,
    pub(crate) inode: SocketId,
    /// An IPv6 wildcard that takes IPv4 connections too.
    pub(super) dual: bool,
}

impl Listener {
    /// Whether a connection to `addr` can reach this listener.
    pub(crate) fn covers(&self, addr: IpAddr) -> bool {
        match (self.addr.ip(), addr) {
            (mine, theirs) if mine == theirs => true,
            (IpAddr::V4(mine), IpAddr::V4(_)) => mine.is_unspecified(),
            (IpAddr::V6(mine), IpAddr::V6(_)) => mine.is_unspecified(),
            (IpAddr::V6(mine), IpAddr::V4(theirs)) => {
                (mine.is_unspecified() && self.dual) || mine.to_ipv4_mapped() == Some(theirs)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
        }
    }
}
