//! The files to remove when their owner is dead.

use std::path::PathBuf;
use std::sync::Arc;

use crate::sys::dir::Dir;
use crate::sys::fd::OwnedFd;

/// The files of a process, for a guard or a warden that removes them in the owner's place.
#[derive(Debug)]
#[cfg_attr(windows, expect(dead_code, reason = "no guard reads it"))]
pub(crate) struct Sweep {
    /// The session's directory. Its lock lasts until all copies of this descriptor are closed.
    pub(crate) session: Arc<Dir>,
    /// The directory of the logs.
    pub(crate) logs: Arc<Dir>,
    /// The parent directory of `tree`.
    pub(crate) homes: Arc<Dir>,
    /// The private directory of the process, removed with its contents.
    pub(crate) tree: PathBuf,
    /// The log, which stays if it is marked as kept.
    pub(crate) log: PathBuf,
    /// The logs of the two streams.
    pub(crate) streams: Vec<PathBuf>,
    /// The socket file of a shared service.
    pub(crate) socket: Option<PathBuf>,
    /// The claim on all these names, and its lock. Removed last.
    pub(crate) claim: Option<(PathBuf, OwnedFd)>,
    /// Directories to remove in this order, if they are empty then.
    pub(crate) parents: Vec<PathBuf>,
}

impl Sweep {
    /// Returns whether a test of the run was interrupted, which leaves a note in the run's
    /// directory.
    #[cfg(unix)]
    pub(crate) fn was_interrupted(&self) -> bool {
        let mut parents = self.parents.iter();
        parents.any(|dir| dir.join(INTERRUPTED).exists())
    }
}

/// The note of an interrupted test.
pub(crate) const INTERRUPTED: &str = ".interrupted";
