//! Waking a thread that sleeps on descriptors: a pipe.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::pipes;

/// Wakes one thread that sleeps in [`sleep`](crate::sys::wait::sleep), from any other thread. A
/// wake-up before the sleep is kept, so none is lost.
#[derive(Debug)]
pub(crate) struct Waker {
    read: OwnedFd,
    write: OwnedFd,
}

impl Waker {
    pub(crate) fn new() -> io::Result<Waker> {
        let (read, write) = pipes::pair()?;
        // Non-blocking, so that `reset` returns when the pipe is empty, and `wake` can't stop its
        // thread when the pipe is full.
        rustix::io::ioctl_fionbio(&read, true)?;
        rustix::io::ioctl_fionbio(&write, true)?;
        Ok(Waker { read, write })
    }

    pub(crate) fn wake(&self) {
        // A write fails only if the pipe is full (`write(2)`). Then the sleeper wakes anyway.
        let _ = rustix::io::write(&self.write, &[0]);
    }

    /// Forgets the wake-ups so far, and returns whether there were any. Call it before looking at
    /// their cause.
    pub(crate) fn reset(&self) -> bool {
        let mut told = false;
        while rustix::io::read(&self.read, &mut [0; 256]).is_ok_and(|read| read > 0) {
            told = true;
        }
        told
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }
}
