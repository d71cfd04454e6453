//! Pipes, and files without a name.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{MemfdFlags, Mode, Uid};
use rustix::pipe::PipeFlags;

/// Makes a pipe, and returns its read end and its write end.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    // Close-on-exec from the start: a program that another thread executes meanwhile would keep a
    // write end, and the reader would never get end of file.
    Ok(rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?)
}

/// Lets a user open an end of a pipe by its path (`/dev/stdout`) too. A command after the end of the
/// service may write to `/dev/null` instead of a pipe. That file belongs to the whole machine, and
/// stays as it is.
pub(crate) fn give(end: &OwnedFd, user: u32) -> io::Result<()> {
    match is_pipe(end)? {
        true => Ok(rustix::fs::fchown(end, Some(Uid::from_raw(user)), None)?),
        false => Ok(()),
    }
}

/// Lets every user open the write end by its path (`/dev/stdout`), so that a program that drops
/// root still can. Strangers stay out: `/proc/PID/fd` admits only processes that may trace this one
/// (`proc_pid_fd(5)`). The mode lets others write, not read.
pub(crate) fn open_to_writers(end: &OwnedFd) -> io::Result<()> {
    match is_pipe(end)? {
        true => Ok(rustix::fs::fchmod(end, Mode::from_raw_mode(0o622))?),
        false => Ok(()),
    }
}

fn is_pipe(end: &OwnedFd) -> io::Result<bool> {
    let mode = rustix::fs::fstat(end)?.st_mode;
    Ok(rustix::fs::FileType::from_raw_mode(mode) == rustix::fs::FileType::Fifo)
}

/// Makes a file that contains `text`, of any length, without a name.
pub(crate) fn of_text(text: &[u8]) -> io::Result<OwnedFd> {
    // A pipe would hold only 64 KiB without a reader (`pipe(7)`), and block the writer then. A
    // memfd holds all, and disappears with its last descriptor.
    let mut file = File::from(rustix::fs::memfd_create("summon", MemfdFlags::CLOEXEC)?);
    file.write_all(text)?;
    // All copies of the descriptor share this offset, so rewind for the reader.
    file.rewind()?;
    Ok(file.into())
}

/// A maker of further write ends of a pipe. It holds no write end itself, since the reader gets end
/// of file only after the last write end is closed.
pub(crate) struct Writers;

impl Writers {
    pub(crate) fn of(end: OwnedFd) -> Writers {
        drop(end);
        Writers
    }

    /// Makes one more write end of the pipe that `read` reads.
    pub(crate) fn another(&self, read: &File) -> io::Result<OwnedFd> {
        // Opening the path of a pipe's descriptor makes another end for the same pipe (`pipe(7)`,
        // `proc_pid_fd(5)`).
        let path = format!("/proc/self/fd/{}", read.as_raw_fd());
        Ok(File::options().write(true).open(path)?.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_pipe_keeps_its_owner_and_its_mode() {
        let file = of_text(b"of the machine").unwrap();
        let found = || {
            let found = rustix::fs::fstat(&file).unwrap();
            (found.st_mode, found.st_uid)
        };
        let before = found();
        // For root, either call would succeed.
        give(&file, 65534).unwrap();
        open_to_writers(&file).unwrap();
        assert_eq!(found(), before);
    }
}
