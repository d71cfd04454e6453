//! The end of another process: pidfds (`pidfd_open(2)`, Linux 5.3). Where a kernel or an older
//! seccomp profile refuses them, a timer checks each second whether the process still exists.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::time::Instant;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};

use super::{pipes, proc};
use crate::sys::wait;

/// Makes a descriptor that names a process. Another process can receive it, and [`watch`] it.
///
/// Check the process's identity afterwards: its pid may have been reused just before the call.
pub(crate) fn of(pid: u32) -> io::Result<OwnedFd> {
    let raw = Pid::from_raw(pid as i32).ok_or(io::ErrorKind::InvalidInput)?;
    match rustix::process::pidfd_open(raw, PidfdFlags::empty()) {
        // `ESRCH` is an answer: the process has ended. Any other error is a refusal of pidfds.
        Err(Errno::SRCH) => Err(Errno::SRCH.into()),
        Ok(pidfd) => Ok(pidfd),
        Err(_) => {
            // The pid alone could name a stranger by the time of a check. The pid and the start
            // time together name one process of this boot.
            let identity = proc::identity(pid).ok_or(io::ErrorKind::NotFound)?;
            pipes::of_text(&[u64::from(pid).to_ne_bytes(), identity.to_ne_bytes()].concat())
        }
    }
}

/// A watch for the end of a process.
#[derive(Debug)]
pub(crate) struct Ending {
    /// A pidfd, readable once the process has ended, or a timer, readable each second.
    watched: OwnedFd,
    /// The pid and the start time to check each second. `None` for a pidfd.
    process: Option<(u32, u64)>,
}

/// Watches for the end of a process, by a descriptor from [`of`].
pub(crate) fn watch(sent: OwnedFd) -> io::Result<Ending> {
    let file = File::from(sent);
    let number = |at: u64| {
        let mut bytes = [0; 8];
        // Read at a given place: all copies of the descriptor share one file offset (`fork(2)`), so
        // a plain `read` in one process would move the others.
        file.read_exact_at(&mut bytes, at)?;
        io::Result::Ok(u64::from_ne_bytes(bytes))
    };
    // `pread` fails on a pidfd. If it works, the descriptor has the text of the fallback.
    let process = number(0).and_then(|pid| Ok((pid as u32, number(8)?))).ok();
    let watched = match process {
        Some(_) => timer()?,
        None => file.into(),
    };
    Ok(Ending { watched, process })
}

/// Makes a descriptor that becomes readable each second.
fn timer() -> io::Result<OwnedFd> {
    // Non-blocking, so that `has_come` returns if there was no tick since the last one.
    let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
    let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)?;
    let second = Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    };
    let each = Itimerspec {
        it_interval: second,
        it_value: second,
    };
    rustix::time::timerfd_settime(&timer, TimerfdTimerFlags::empty(), &each)?;
    Ok(timer)
}

impl Ending {
    /// Whether the process has ended. Call it when the descriptor is readable.
    pub(crate) fn has_come(&self) -> bool {
        let Some((pid, identity)) = self.process else {
            return wait::is_readable(&self.watched);
        };
        // Consume the tick first. If it stayed, the timer would be readable and the caller would
        // spin.
        let _ = rustix::io::read(&self.watched, &mut [0; 8]);
        // Another start time means that the pid was reused. A zombie has ended too, though its pid
        // stays until its parent reaps it.
        proc::identity(pid) != Some(identity) || proc::has_ended(pid)
    }

    /// Waits for the end, until `until` at the latest.
    pub(crate) fn wait(&self, until: Instant) -> io::Result<()> {
        while !self.has_come() && Instant::now() < until {
            wait::sleep(&[self.as_fd()], Some(until))?;
        }
        Ok(())
    }
}

impl AsFd for Ending {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watched.as_fd()
    }
}
