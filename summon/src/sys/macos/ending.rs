//! The end of another process: kqueues. A kqueue can't be sent to another process, so a file that
//! names the process is sent instead.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::time::Instant;

use super::kqueue::{Kqueue, Wanted};
use super::{pipes, proc};
use crate::sys::wait;

/// Makes a descriptor that names a process. Another process can receive it, and [`watch`] it.
///
/// Check the process's identity afterwards: its pid may have been reused just before the call.
pub(crate) fn of(pid: u32) -> io::Result<OwnedFd> {
    let identity = proc::identity(pid).ok_or(io::ErrorKind::NotFound)?;
    pipes::of_text(&[u64::from(pid).to_ne_bytes(), identity.to_ne_bytes()].concat())
}

/// A watch for the end of a process.
#[derive(Debug)]
pub(crate) struct Ending(OwnedFd);

/// Watches for the end of a process, by a descriptor from [`of`].
pub(crate) fn watch(sent: OwnedFd) -> io::Result<Ending> {
    Ok(Ending(readable_at_end(sent)?))
}

impl Ending {
    /// Whether the process has ended. Call it when the descriptor is readable.
    pub(crate) fn has_come(&self) -> bool {
        wait::is_readable(&self.0)
    }

    /// Waits for the end, until `until` at the latest.
    pub(crate) fn wait(&self, until: Instant) -> io::Result<()> {
        wait::sleep(&[self.as_fd()], Some(until)).map(drop)
    }
}

impl AsFd for Ending {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Makes a descriptor that is readable when the process has ended.
fn readable_at_end(sent: OwnedFd) -> io::Result<OwnedFd> {
    let file = File::from(sent);
    let number = |at: u64| {
        let mut bytes = [0; 8];
        // Read at a given place: all copies of the descriptor share one file offset (`fork(2)`), so
        // a plain `read` in one process would move the others.
        file.read_exact_at(&mut bytes, at)?;
        io::Result::Ok(u64::from_ne_bytes(bytes))
    };
    let (pid, identity) = (number(0)? as u32, number(8)?);
    let queue = Kqueue::new()?;
    match queue.add(&Wanted::End(pid)) {
        // The process has ended, or is about to. The kernel refuses to watch it in both cases.
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return ended(),
        other => other?,
    }
    // Set the watch first, then compare the identity. If the pid was reused before the watch, the
    // identity differs. If the process ends after this check, the watch reports it. In the other
    // order an end between the two steps would go unnoticed, and the watch would be on a stranger.
    match proc::identity(pid) == Some(identity) && !proc::has_ended(pid) {
        true => Ok(queue.into()),
        false => ended(),
    }
}

/// Makes a descriptor that is readable at once: the read end of a pipe without a write end.
fn ended() -> io::Result<OwnedFd> {
    // The write end is dropped here, so the read end is at end of file, which `poll` reports as
    // readable.
    Ok(pipes::pair()?.0)
}
