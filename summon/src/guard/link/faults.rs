//! The faults of a link, as its owner orders them and its process applies them.

use std::time::Duration;

/// The faults of a link. By default it has none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Faults {
    /// Connections are reset, and new ones refused.
    pub(crate) cut: bool,
    /// New connections hang, and nothing is passed on.
    pub(crate) blackhole: bool,
    /// The faults from the client to the server.
    pub(crate) to_server: WayFaults,
    /// The faults from the server to the client.
    pub(crate) to_client: WayFaults,
}

/// The faults of one direction.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct WayFaults {
    pub(crate) silent: bool,
    pub(crate) delay: Duration,
    /// How much the delay varies, up and down.
    pub(crate) jitter: Duration,
    /// Bytes per second, for all connections together.
    pub(crate) limit: Option<u64>,
    pub(crate) close: Option<Close>,
}

/// Each connection ends after so many bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Close {
    pub(crate) after: u64,
    /// The number of the order: each order counts anew.
    pub(crate) order: u64,
}

/// The nodes of a cluster that a partition separates from the node behind this link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Separated {
    /// The guards of these nodes.
    pub(crate) guards: Vec<Root>,
    /// Whether one of these nodes is being launched, so that its guard is not in the list yet.
    pub(crate) is_launching: bool,
}

/// A process that is the root of a tree. Its start time tells it from later processes with the same pid
/// (`sys::proc::identity`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Root {
    pub(crate) pid: u32,
    pub(crate) identity: u64,
}

/// The connections of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) open: u64,
    pub(crate) accepted: u64,
    /// The bytes that were passed on to the server.
    pub(crate) to_server: u64,
    /// The bytes that were passed on to the client.
    pub(crate) to_client: u64,
}

impl WayFaults {
    /// Whether bytes may go on at once, however many.
    pub(super) fn is_free(&self) -> bool {
        self.has_no_delay() && self.limit.is_none() && self.close.is_none()
    }

    pub(super) fn has_no_delay(&self) -> bool {
        self.longest_delay().is_zero()
    }

    pub(super) fn longest_delay(&self) -> Duration {
        self.delay.saturating_add(self.jitter)
    }
}
