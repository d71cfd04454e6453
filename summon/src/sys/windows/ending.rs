//! The end of another process. Not supported.

use std::io;

use super::fd::OwnedFd;

/// Makes a descriptor that names a process, to send to another process.
pub(crate) fn of(_pid: u32) -> io::Result<OwnedFd> {
    Err(super::unsupported())
}
