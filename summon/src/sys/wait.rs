//! Sleeping until a descriptor is ready, a waker is called, or a deadline has passed.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

pub(crate) use super::waker::Waker;

/// Sleeps until one of the descriptors is readable, or until `until`. Returns whether one is.
pub(crate) fn sleep(fds: &[BorrowedFd<'_>], until: Option<Instant>) -> io::Result<bool> {
    let mut polled: Vec<_> = fds
        .iter()
        .map(|fd| PollFd::new(fd, PollFlags::IN))
        .collect();
    loop {
        // Compute the rest anew in each round: after `EINTR` the kernel doesn't say how much was
        // left, so a signal each second would otherwise extend the sleep for ever.
        let left = until.map(|until| timespec(until.saturating_duration_since(Instant::now())));
        match rustix::event::poll(&mut polled, left.as_ref()) {
            // `timespec` has cut the duration, so the deadline is still ahead.
            Ok(0) if until.is_none_or(|until| Instant::now() < until) => {}
            Ok(readable) => return Ok(readable > 0),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Sleeps until a descriptor is writable, its other end has closed, or `until` has passed.
pub(crate) fn until_writable(fd: BorrowedFd<'_>, until: Instant) -> io::Result<()> {
    let mut polled = [PollFd::from_borrowed_fd(fd, PollFlags::OUT)];
    let left = timespec(until.saturating_duration_since(Instant::now()));
    match rustix::event::poll(&mut polled, Some(&left)) {
        // Callers write without blocking and come back, so an early return costs one more attempt.
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether a descriptor is readable now, or its other end has closed.
pub(crate) fn is_readable(fd: &impl AsFd) -> bool {
    let mut polled = [PollFd::new(fd, PollFlags::IN)];
    // With a zero time-out `poll` only looks. It counts a hang-up and an error as ready, which is
    // right: a read would not block. A signal may interrupt even such a look (`EINTR` in `poll(2)`).
    // That is no answer, so look again.
    let look = || rustix::event::poll(&mut polled, Some(&Timespec::default()));
    rustix::io::retry_on_intr(look).is_ok_and(|ready| ready > 0)
}

/// Converts a duration for the kernel, and cuts it at 23 days. Where `poll(2)` counts milliseconds
/// it refuses more than 24 days. Callers check the deadline when they wake up.
pub(crate) fn timespec(duration: Duration) -> Timespec {
    let duration = duration.min(Duration::from_secs(2_000_000));
    Timespec {
        tv_sec: duration.as_secs() as i64,
        tv_nsec: duration.subsec_nanos().into(),
    }
}
