//! Pipes, and files without a name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;

/// Makes a pipe, and returns its read end and its write end.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = rustix::pipe::pipe()?;
    // macOS lacks `pipe2`, so close-on-exec takes a second step. A program that another thread
    // starts in between inherits the ends, and keeps them until its own end.
    rustix::io::ioctl_fioclex(&read)?;
    rustix::io::ioctl_fioclex(&write)?;
    Ok((read, write))
}

/// Lets a user open an end of a pipe by its path (`/dev/stdout`) too. There is nothing to do: on
/// macOS the path copies the descriptor for any user, and a pipe has no owner to change.
#[expect(clippy::unnecessary_wraps, reason = "on other systems it may fail")]
pub(crate) fn give(_end: &OwnedFd, _user: u32) -> io::Result<()> {
    Ok(())
}

/// Lets every user open the write end. There is nothing to do, for the same reason.
#[expect(clippy::unnecessary_wraps, reason = "on other systems it may fail")]
pub(crate) fn open_to_writers(_end: &OwnedFd) -> io::Result<()> {
    Ok(())
}

/// Makes a file that contains `text`, of any length, without a name.
pub(crate) fn of_text(text: &[u8]) -> io::Result<OwnedFd> {
    let name = format!(".text-{:016x}", crate::sys::random());
    let path = std::env::temp_dir().join(name);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    // A pipe would hold only 64 KiB without a reader, and block the writer then. `create_new`
    // refuses a link that another user has put at the name. After the removal, only the descriptor
    // leads to the file, which disappears with its last copy, SIGKILL included.
    let mut file = options.open(&path)?;
    fs::remove_file(&path)?;
    file.write_all(text)?;
    file.rewind()?;
    Ok(file.into())
}

/// A maker of further write ends of a pipe. It holds a write end: on macOS a pipe can't be opened
/// by the descriptor of its read end. The guard notices the end of the writers in another way.
pub(crate) struct Writers(OwnedFd);

impl Writers {
    pub(crate) fn of(end: OwnedFd) -> Writers {
        Writers(end)
    }

    /// Makes one more write end of the pipe that `read` reads.
    pub(crate) fn another(&self, _read: &File) -> io::Result<OwnedFd> {
        // Each copy delays the reader's end of file until it is closed.
        self.0.try_clone()
    }
}
