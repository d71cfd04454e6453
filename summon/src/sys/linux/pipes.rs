//! Pipes, and files that have no name.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{MemfdFlags, Mode, Uid};
use rustix::pipe::PipeFlags;

/// A pipe: the end to read from, and the one to write to.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?)
}

/// Lets a user open his end of a pipe by the path that it has for him (`/dev/stdout`), too.
pub(crate) fn give(end: &OwnedFd, user: u32) -> io::Result<()> {
    Ok(rustix::fs::fchown(end, Some(Uid::from_raw(user)), None)?)
}

/// Lets every user open the end to write to by the path that it has for a program (`/dev/stdout`),
/// so that one which drops root still can. Nobody else gets there: `/proc/PID/fd` lets in who may trace
/// the process (`proc_pid_fd(5)`), and nobody gets to read.
pub(crate) fn open_to_writers(end: &OwnedFd) -> io::Result<()> {
    Ok(rustix::fs::fchmod(end, Mode::from_raw_mode(0o622))?)
}

/// Something to read a text from, however long it is and whether or not anybody reads it.
pub(crate) fn of_text(text: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(rustix::fs::memfd_create("summon", MemfdFlags::CLOEXEC)?);
    file.write_all(text)?;
    file.rewind()?;
    Ok(file.into())
}

/// What makes further ends of a pipe to write to. It holds none itself: the end of the pipe is
/// told when its writers have ended.
pub(crate) struct Writers;

impl Writers {
    pub(crate) fn of(end: OwnedFd) -> Writers {
        drop(end);
        Writers
    }

    /// One more, for the pipe that is read here.
    pub(crate) fn another(&self, read: &File) -> io::Result<OwnedFd> {
        // A pipe can be opened by its descriptor, too (`pipe(7)`, `proc_pid_fd(5)`).
        let path = format!("/proc/self/fd/{}", read.as_raw_fd());
        Ok(File::options().write(true).open(path)?.into())
    }
}
