//! A part of the output of a process.

use std::sync::atomic::{AtomicBool, Ordering};

/// A place in the output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    pub(super) log: u64,
    /// The positions in standard output and standard error, for `split_output`.
    pub(super) streams: Option<[u64; 2]>,
}

/// The part of the output that one test answers for: from a position to the moment when it is
/// judged, which happens once.
#[derive(Debug)]
pub(crate) struct Window {
    pub(super) begun: Position,
    is_judged: AtomicBool,
}

impl Window {
    pub(super) fn new(begun: Position) -> Window {
        Window {
            begun,
            is_judged: AtomicBool::new(false),
        }
    }

    /// Returns the length of the log where the window begins.
    pub(crate) fn begin(&self) -> u64 {
        self.begun.log
    }

    pub(super) fn is_judged(&self) -> bool {
        self.is_judged.load(Ordering::Relaxed)
    }

    /// Notes that the window is judged. Returns whether it was not judged before.
    pub(super) fn judge(&self) -> bool {
        !self.is_judged.swap(true, Ordering::Relaxed)
    }
}
