//! The protocols that have ports.

/// The protocol of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Protocol {
    /// Served by a socket in the state LISTEN.
    Tcp,
    /// Served by a socket that is bound, without a peer.
    Udp,
}
