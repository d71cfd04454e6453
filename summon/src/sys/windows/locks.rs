//! Locks on files and directories. Not supported.

use std::fs::File;
use std::io;

/// Takes the exclusive lock on a directory. Returns whether that worked.
pub(crate) fn is_alone<T>(_lock: &T) -> bool {
    // Taken for held, so that callers leave the files alone.
    false
}

/// The other holders that a lock on a directory admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    Nobody,
    Others,
}

/// Takes the lock on a file if it is free.
pub(crate) fn try_lock_file(_file: &File) -> io::Result<bool> {
    Err(super::unsupported())
}

/// Releases the lock.
pub(crate) fn unlock_file(_file: &File) -> io::Result<()> {
    Err(super::unsupported())
}
