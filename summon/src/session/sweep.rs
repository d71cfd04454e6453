//! The files that must go when their owner is dead.

use std::path::PathBuf;

/// The files that go when the owner can't remove them any more.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sweep {
    /// Removed with all that is in it.
    pub(crate) tree: Option<PathBuf>,
    /// The log, which stays if it is to be kept.
    pub(crate) file: Option<PathBuf>,
    /// What there may be beside it, and where users of a shared service connect.
    pub(crate) streams: Vec<PathBuf>,
    /// The claim on all that, removed after it.
    pub(crate) claim: Option<PathBuf>,
    /// Where its users connected.
    pub(crate) socket: Option<PathBuf>,
    /// Removed, in this order, if they are empty then.
    pub(crate) parents: Vec<PathBuf>,
}

impl Sweep {
    /// Whether a test of the run was interrupted, which said so in the directory of the run.
    #[cfg(unix)]
    pub(crate) fn was_interrupted(&self) -> bool {
        let mut parents = self.parents.iter();
        parents.any(|dir| dir.join(INTERRUPTED).exists())
    }
}

/// The note of a test that somebody has interrupted.
pub(crate) const INTERRUPTED: &str = ".interrupted";
