//! Pipes and the like, for the standard input of a process: there is none to read it.

use std::fs::File;
use std::io;

use super::fd::OwnedFd;

/// Something to read a text from.
pub(crate) fn of_text(_text: &[u8]) -> io::Result<OwnedFd> {
    Err(super::unsupported())
}

/// A pipe.
pub(crate) fn to_write() -> io::Result<(OwnedFd, File)> {
    Err(super::unsupported())
}
