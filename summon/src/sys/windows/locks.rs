//! Locks on files and directories: there are none.

use std::fs::File;
use std::io;

use super::dir::Dir;

/// Whether nobody else holds the lock on a directory.
pub(crate) fn is_alone(_lock: &Dir) -> bool {
    false
}

/// Who else may hold the lock on a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    Nobody,
    Others,
}

/// Takes the lock on a file if nobody has it.
pub(crate) fn try_lock_file(_file: &File) -> io::Result<bool> {
    Err(super::unsupported())
}

/// Gives it back.
pub(crate) fn unlock_file(_file: &File) -> io::Result<()> {
    Err(super::unsupported())
}
