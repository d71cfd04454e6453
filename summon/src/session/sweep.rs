//! The files that must go when their owner is dead.

use std::path::PathBuf;

use crate::sys::dir::Dir;
use crate::sys::fd::OwnedFd;

/// The files of a process, for whoever removes them when their owner can't.
#[derive(Debug)]
#[cfg_attr(windows, expect(dead_code, reason = "no guard reads it"))]
pub(crate) struct Sweep {
    /// The directory of the session. It is locked as long as somebody holds it open.
    pub(crate) session: Dir,
    /// The directory that has the logs.
    pub(crate) logs: Dir,
    /// The directory that has `tree`.
    pub(crate) homes: Dir,
    /// The private directory of the process, removed with all that is in it.
    pub(crate) tree: PathBuf,
    /// The log, which stays if it is to be kept.
    pub(crate) log: PathBuf,
    /// The logs of the single streams.
    pub(crate) streams: Vec<PathBuf>,
    /// Where the users of a shared service connect.
    pub(crate) socket: Option<PathBuf>,
    /// The claim on all these names, and its lock. It goes last.
    pub(crate) claim: Option<(PathBuf, OwnedFd)>,
    /// Directories that go, in this order, if they are empty then.
    pub(crate) parents: Vec<PathBuf>,
}

impl Sweep {
    /// Whether somebody has interrupted a test of the run, which leaves a note in the run's directory.
    #[cfg(unix)]
    pub(crate) fn was_interrupted(&self) -> bool {
        let mut parents = self.parents.iter();
        parents.any(|dir| dir.join(INTERRUPTED).exists())
    }
}

/// The note of a test that somebody has interrupted.
pub(crate) const INTERRUPTED: &str = ".interrupted";
