//! Finds the sockets that serve a TCP or UDP port. The system answers, so the server sees no
//! connection from summon.

use std::net::{IpAddr, SocketAddr};

use super::proc::SocketId;
pub(crate) use super::protocol::Protocol;
use super::system::interfaces::{interface, interface_name};
pub(crate) use super::system::listeners::{connections, on_port, that_hears};

/// A socket that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListeningSocket {
    pub(crate) addr: SocketAddr,
    pub(crate) inode: SocketId,
    /// Whether it is an IPv6 wildcard that takes IPv4 connections too.
    pub(super) dual: bool,
    /// The index of the interface to which it is bound (`SO_BINDTODEVICE` in `socket(7)`), or 0.
    pub(super) interface: u32,
}

/// A socket with a port as its local end that does not serve: a connection, or its remains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) local: SocketAddr,
    /// Port 0 if it has no peer.
    pub(crate) peer: SocketAddr,
    pub(crate) state: &'static str,
    /// 0 if no process holds it any more: the kernel keeps a closed connection for a while.
    pub(crate) inode: SocketId,
}

impl ListeningSocket {
    /// Formats its address, with its interface as `ss` does: `0.0.0.0%eth0:80`.
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
        // The kernel gives such a socket only packets that arrive on its interface. A client on
        // this machine arrives on `lo`, so a server bound to `eth0` may be unreachable from here.
        if self.interface != 0 && self.interface != interface(addr) {
            return false;
        }
        // A mapped address (`::ffff:127.0.0.1`) is an IPv4 address in IPv6 notation (RFC 4291,
        // 2.5.5.2).
        match (self.addr.ip().to_canonical(), addr.ip().to_canonical()) {
            (mine, theirs) if mine == theirs => true,
            (IpAddr::V4(mine), IpAddr::V4(_)) => mine.is_unspecified(),
            (IpAddr::V6(mine), IpAddr::V6(_)) => mine.is_unspecified(),
            // Without `IPV6_V6ONLY`, an IPv6 wildcard receives IPv4 connections as mapped addresses
            // (`ipv6(7)`).
            (IpAddr::V6(mine), IpAddr::V4(_)) => mine.is_unspecified() && self.dual,
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
        }
    }
}
