//! Knowing that some process has ended: kqueues, which can't be sent to another process. What is
//! sent instead is a file that says which process it is.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::time::Instant;

use super::kqueue::{Kqueue, Wanted};
use super::{pipes, proc};
use crate::sys::wait;

/// Something to send to another process, which [`watch`] turns into what can be watched. Look
/// whether it is the right process afterwards: its pid may have been reused just before.
pub(crate) fn of(pid: u32) -> io::Result<OwnedFd> {
    let identity = proc::identity(pid).ok_or(io::ErrorKind::NotFound)?;
    pipes::of_text(&[u64::from(pid).to_ne_bytes(), identity.to_ne_bytes()].concat())
}

/// The end of a process.
#[derive(Debug)]
pub(crate) struct Ending(OwnedFd);

/// Watches for the end of a process.
pub(crate) fn watch(sent: OwnedFd) -> io::Result<Ending> {
    Ok(Ending(readable_at_end(sent)?))
}

impl Ending {
    /// Whether the process has ended. Ask when the descriptor can be read.
    pub(crate) fn has_come(&self) -> bool {
        wait::is_readable(&self.0)
    }

    /// Waits for it, until then at the latest.
    pub(crate) fn wait(&self, until: Instant) -> io::Result<()> {
        wait::sleep(&[self.as_fd()], Some(until))
    }
}

impl AsFd for Ending {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A descriptor that can be read when the process has ended.
fn readable_at_end(sent: OwnedFd) -> io::Result<OwnedFd> {
    let file = File::from(sent);
    let number = |at: u64| {
        let mut bytes = [0; 8];
        // At its own place: copies of the descriptor share their position.
        file.read_exact_at(&mut bytes, at)?;
        io::Result::Ok(u64::from_ne_bytes(bytes))
    };
    let (pid, identity) = (number(0)? as u32, number(8)?);
    let queue = Kqueue::new()?;
    match queue.add(&Wanted::End(pid)) {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return ended(),
        other => other?,
    }
    // The watch first, this after it: had the pid been reused in between, it would differ.
    match proc::identity(pid) == Some(identity) && !proc::has_ended(pid) {
        true => Ok(queue.into()),
        false => ended(),
    }
}

/// One that can be read at once: its other end is closed.
fn ended() -> io::Result<OwnedFd> {
    Ok(pipes::pair()?.0)
}
