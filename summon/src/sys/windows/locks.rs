//! Locks on files and directories: there are none.

use std::fs::File;
use std::io;
use std::path::Path;

use super::fd::OwnedFd;

/// Whether nobody else holds the lock on a directory.
pub(crate) fn is_alone(_lock: &OwnedFd) -> bool {
    false
}

/// Who else may hold the lock on a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    Nobody,
    Others,
}

/// Opens a directory and locks it.
pub(crate) fn lock_dir(_path: &Path, _lock: Lock) -> io::Result<Option<OwnedFd>> {
    Err(super::unsupported())
}

/// Waits for the lock on a file.
pub(crate) fn lock_file(_file: &File) -> io::Result<()> {
    Err(super::unsupported())
}

/// Gives it back.
pub(crate) fn unlock_file(_file: &File) -> io::Result<()> {
    Err(super::unsupported())
}
