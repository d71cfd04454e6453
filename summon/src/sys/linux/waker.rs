//! Waking a thread that sleeps on descriptors (`eventfd(2)`).

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::EventfdFlags;

/// Wakes one thread that sleeps in [`sleep`](crate::sys::wait::sleep), from any other thread. A
/// wake-up before the sleep is kept, so none is lost.
#[derive(Debug)]
pub(crate) struct Waker(OwnedFd);

impl Waker {
    pub(crate) fn new() -> io::Result<Waker> {
        // Non-blocking, so that `reset` without a wake-up returns, and `wake` can't stop its
        // thread.
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Waker(rustix::event::eventfd(0, flags)?))
    }

    pub(crate) fn wake(&self) {
        // A write fails only if the counter is full (`eventfd(2)`). Then the sleeper wakes anyway.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    /// Forgets the wake-ups so far, and returns whether there were any. Call it before looking at
    /// their cause.
    pub(crate) fn reset(&self) -> bool {
        // One `read` sets the counter to 0. A wake-up that comes later makes it readable again.
        rustix::io::read(&self.0, &mut [0; 8]).is_ok()
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
