//! Sleeping until something happens: descriptors, a waker, a deadline.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

pub(crate) use super::waker::Waker;

/// Sleeps until one of the descriptors can be read, or until `until`.
pub(crate) fn sleep(fds: &[BorrowedFd<'_>], until: Option<Instant>) -> io::Result<()> {
    let mut polled: Vec<_> = fds
        .iter()
        .map(|fd| PollFd::new(fd, PollFlags::IN))
        .collect();
    loop {
        let left = until.map(|until| timespec(until.saturating_duration_since(Instant::now())));
        match rustix::event::poll(&mut polled, left.as_ref()) {
            // No more than `timespec` allows has passed.
            Ok(0) if until.is_none_or(|until| Instant::now() < until) => {}
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

/// A duration for the kernel, or the beginning of one: where `poll(2)` counts milliseconds it refuses
/// what is longer than 24 days. Whoever wakes up looks whether it is time.
pub(crate) fn timespec(duration: Duration) -> Timespec {
    let duration = duration.min(Duration::from_secs(2_000_000));
    Timespec {
        tv_sec: duration.as_secs() as i64,
        tv_nsec: duration.subsec_nanos().into(),
    }
}
