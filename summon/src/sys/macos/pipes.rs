//! Pipes, and files that have no name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;

/// A pipe: the end to read from, and the one to write to.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = rustix::pipe::pipe()?;
    // In two steps, as everything here: what another thread starts in between inherits it, and keeps
    // it until its own end.
    rustix::io::ioctl_fioclex(&read)?;
    rustix::io::ioctl_fioclex(&write)?;
    Ok((read, write))
}

/// Lets a user open his end of a pipe by the path that it has for him (`/dev/stdout`), too. Here the
/// path makes a copy of the descriptor, whoever opens it, and a pipe has no owner to change.
#[expect(clippy::unnecessary_wraps, reason = "on other systems it may fail")]
pub(crate) fn give(_end: &OwnedFd, _user: u32) -> io::Result<()> {
    Ok(())
}

/// Lets every user open the end to write to, for the same reason nothing.
#[expect(clippy::unnecessary_wraps, reason = "on other systems it may fail")]
pub(crate) fn open_to_writers(_end: &OwnedFd) -> io::Result<()> {
    Ok(())
}

/// Something to read a text from, however long it is and whether or not anybody reads it.
pub(crate) fn of_text(text: &[u8]) -> io::Result<OwnedFd> {
    let name = format!(".text-{:016x}", crate::sys::random());
    let path = std::env::temp_dir().join(name);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    let mut file = options.open(&path)?;
    fs::remove_file(&path)?;
    file.write_all(text)?;
    file.rewind()?;
    Ok(file.into())
}

/// What makes further ends of a pipe to write to. It holds one, since a pipe can't be opened by the
/// descriptor of its other end here; the end of the writers is told otherwise.
pub(crate) struct Writers(OwnedFd);

impl Writers {
    pub(crate) fn of(end: OwnedFd) -> Writers {
        Writers(end)
    }

    /// One more, for the pipe that is read here.
    pub(crate) fn another(&self, _read: &File) -> io::Result<OwnedFd> {
        self.0.try_clone()
    }
}
