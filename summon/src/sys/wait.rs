//! Sleeping until something happens: descriptors, a waker, a deadline.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};
use rustix::io::Errno;

/// Wakes one thread that sleeps in [`sleep`], from any other thread. A wake-up that comes
/// before the sleep is kept, so none is lost.
#[derive(Debug)]
pub(crate) struct Waker(OwnedFd);

impl Waker {
    pub(crate) fn new() -> io::Result<Waker> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Waker(rustix::event::eventfd(0, flags)?))
    }

    pub(crate) fn wake(&self) {
        // An eventfd refuses to be written only when its counter is full: then it wakes anyway.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    /// Forgets the wake-ups so far, and says whether there were any. Do it before looking at what
    /// they were about.
    pub(crate) fn reset(&self) -> bool {
        rustix::io::read(&self.0, &mut [0; 8]).is_ok()
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Sleeps until one of the descriptors can be read, or until `until`.
pub(crate) fn sleep(fds: &[BorrowedFd<'_>], until: Option<Instant>) -> io::Result<()> {
    let mut polled: Vec<_> = fds
        .iter()
        .map(|fd| PollFd::new(fd, PollFlags::IN))
        .collect();
    loop {
        let left = until.map(|until| timespec(until.saturating_duration_since(Instant::now())));
        match rustix::event::poll(&mut polled, left.as_ref()) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Sleeps until a descriptor can be written, or its other end has closed, or until `until`.
pub(crate) fn until_writable(fd: BorrowedFd<'_>, until: Instant) -> io::Result<()> {
    let mut polled = [PollFd::from_borrowed_fd(fd, PollFlags::OUT)];
    let left = timespec(until.saturating_duration_since(Instant::now()));
    match rustix::event::poll(&mut polled, Some(&left)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether a descriptor can be read now, or its other end has closed.
pub(crate) fn is_readable(fd: &impl AsFd) -> bool {
    let mut polled = [PollFd::new(fd, PollFlags::IN)];
    rustix::event::poll(&mut polled, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

/// A duration for the kernel. Longer than a thousand days is as good as for ever.
pub(super) fn timespec(duration: Duration) -> Timespec {
    let duration = duration.min(Duration::from_secs(86_400_000));
    Timespec {
        tv_sec: duration.as_secs() as i64,
        tv_nsec: duration.subsec_nanos().into(),
    }
}
