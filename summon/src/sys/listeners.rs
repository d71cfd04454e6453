//! Who serves a TCP or UDP port, asked of the system, so that the server sees no connection from us.

use std::net::{IpAddr, SocketAddr};

use super::proc::SocketId;
pub(crate) use super::system::listeners::{connections, on_port, that_hears};
use super::system::listeners::{interface, interface_name};

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
    /// The index of the interface that it is bound to (`SO_BINDTODEVICE` in `socket(7)`), 0 if it is
    /// bound to none.
    pub(super) interface: u32,
}

/// One socket that has a port as its local end and does not serve: a connection, or what is left of
/// one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) local: SocketAddr,
    /// Port 0 if it has none.
    pub(crate) peer: SocketAddr,
    pub(crate) state: &'static str,
    /// 0 if no process has it any more: the system keeps it for a while after it was closed.
    pub(crate) inode: SocketId,
}

impl Listener {
    /// Its address, and its interface as `ss` has it: `0.0.0.0%eth0:80`.
    pub(crate) fn shown(&self) -> String {
        match (self.interface, self.addr) {
            (0, addr) => addr.to_string(),
            (index, SocketAddr::V4(addr)) => {
                format!("{}%{}:{}", addr.ip(), interface_name(index), addr.port())
            }
            (index, SocketAddr::V6(addr)) => {
                format!("[{}%{}]:{}", addr.ip(), interface_name(index), addr.port())
            }
        }
    }

    /// Whether a connection to an address of this machine can reach this listener.
    pub(crate) fn covers(&self, addr: SocketAddr) -> bool {
        if self.interface != 0 && self.interface != interface(addr) {
            return false;
        }
        // An IPv4 address that is written as one of IPv6 is one of IPv4.
        match (self.addr.ip().to_canonical(), addr.ip().to_canonical()) {
            (mine, theirs) if mine == theirs => true,
            (IpAddr::V4(mine), IpAddr::V4(_)) => mine.is_unspecified(),
            (IpAddr::V6(mine), IpAddr::V6(_)) => mine.is_unspecified(),
            (IpAddr::V6(mine), IpAddr::V4(_)) => mine.is_unspecified() && self.dual,
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
        }
    }
}
