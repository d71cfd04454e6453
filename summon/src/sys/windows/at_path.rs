//! What is at a path: a file that changes. There are no Unix sockets that could be served.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What tells a file from what it was before.
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

/// Whether anybody may execute a file. Its mode does not say.
pub(crate) fn is_executable(_: &Metadata) -> bool {
    true
}

/// The number of a Unix socket's file, if it is one.
pub(crate) fn socket(_: &Metadata) -> Option<u64> {
    None
}

/// Connects to a Unix socket, and says who has called `listen` there.
pub(crate) fn server(_: &Path) -> io::Result<Option<u32>> {
    Err(super::unsupported())
}

/// Connects to a Unix socket that has no file.
pub(crate) fn server_of_name(_: &[u8]) -> io::Result<Option<u32>> {
    Err(super::unsupported())
}

/// The path that has these bytes, as another process has told it.
pub(crate) fn from_bytes(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}
