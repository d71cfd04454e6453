//! Pipes and the like, for the standard input of a process.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

pub(crate) use super::pipes::of_text;

/// A pipe: what is read, and what is written without waiting for the reader.
pub(crate) fn to_write() -> io::Result<(OwnedFd, File)> {
    let (read, write) = super::pipes::pair()?;
    rustix::io::ioctl_fionbio(&write, true)?;
    Ok((read, File::from(write)))
}
