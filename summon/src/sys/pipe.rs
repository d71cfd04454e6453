//! Pipes for the standard input of a process.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

pub(crate) use super::pipes::of_text;

/// Makes a pipe: an end to read, and an end to write without waiting for the reader.
pub(crate) fn to_write() -> io::Result<(OwnedFd, File)> {
    let (read, write) = super::pipes::pair()?;
    // Only this end: the flag belongs to the end's file description. The service's end keeps
    // blocking, which is what programs expect of standard input.
    rustix::io::ioctl_fionbio(&write, true)?;
    Ok((read, File::from(write)))
}
