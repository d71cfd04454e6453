//! Facts about a path: whether a file changes. Unix sockets are not supported.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// The state of a file, to notice a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    size: u64,
    changed: Option<SystemTime>,
}

impl Stamp {
    pub(crate) fn of(path: &Path) -> io::Result<Stamp> {
        let found = std::fs::metadata(path)?;
        Ok(Stamp {
            size: found.len(),
            changed: found.modified().ok(),
        })
    }
}

impl Stamp {
    pub(crate) fn is_empty(&self) -> bool {
        self.size == 0
    }
}

/// Whether any user may execute a file. Windows has no mode that says so.
pub(crate) fn is_executable(_: &Metadata) -> bool {
    true
}

/// Returns the inode of a Unix socket, or `None` for another file.
pub(crate) fn socket(_: &Metadata) -> Option<u64> {
    None
}

/// Connects to a Unix socket, and returns the process that called `listen` there.
pub(crate) fn server(_: &Path) -> io::Result<Option<u32>> {
    Err(super::unsupported())
}

/// Connects to a Unix socket without a file.
pub(crate) fn server_of_name(_: &[u8]) -> io::Result<Option<u32>> {
    Err(super::unsupported())
}
