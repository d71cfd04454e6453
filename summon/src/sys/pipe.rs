//! Pipes and the like, for the standard input of a process.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::OwnedFd;

use rustix::fs::MemfdFlags;
use rustix::pipe::PipeFlags;

/// Something to read a text from, however long it is and whether or not anybody reads it.
pub(crate) fn of_text(text: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(rustix::fs::memfd_create("summon", MemfdFlags::CLOEXEC)?);
    file.write_all(text)?;
    file.rewind()?;
    Ok(file.into())
}

/// A pipe: what is read, and what is written without waiting for the reader.
pub(crate) fn to_write() -> io::Result<(OwnedFd, File)> {
    let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&write, true)?;
    Ok((read, File::from(write)))
}
