//! Pipes for the standard input of a process. Not supported.

use std::fs::File;
use std::io;

use super::fd::OwnedFd;

/// Makes a file that contains `text`, without a name.
pub(crate) fn of_text(_text: &[u8]) -> io::Result<OwnedFd> {
    Err(super::unsupported())
}

/// Makes a pipe.
pub(crate) fn to_write() -> io::Result<(OwnedFd, File)> {
    Err(super::unsupported())
}
