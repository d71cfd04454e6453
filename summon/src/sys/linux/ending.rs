//! Knowing that some process has ended: pidfds (`pidfd_open(2)`, Linux 5.3). Where there are none, as
//! below a seccomp profile that is older, a look each second whether the process is still there.

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

/// Something to send to another process, which [`watch`] turns into what can be watched. Look
/// whether it is the right process afterwards: its pid may have been reused just before.
pub(crate) fn of(pid: u32) -> io::Result<OwnedFd> {
    let raw = Pid::from_raw(pid as i32).ok_or(io::ErrorKind::InvalidInput)?;
    match rustix::process::pidfd_open(raw, PidfdFlags::empty()) {
        Err(Errno::SRCH) => Err(Errno::SRCH.into()),
        Ok(pidfd) => Ok(pidfd),
        Err(_) => {
            let identity = proc::identity(pid).ok_or(io::ErrorKind::NotFound)?;
            pipes::of_text(&[u64::from(pid).to_ne_bytes(), identity.to_ne_bytes()].concat())
        }
    }
}

/// The end of a process.
#[derive(Debug)]
pub(crate) struct Ending {
    /// A pidfd, which can be read when the process has ended, or a timer, which can be each second.
    watched: OwnedFd,
    /// Who is looked for each second: the pid, and when it began.
    process: Option<(u32, u64)>,
}

/// Watches for the end of a process.
pub(crate) fn watch(sent: OwnedFd) -> io::Result<Ending> {
    let file = File::from(sent);
    let number = |at: u64| {
        let mut bytes = [0; 8];
        // At its own place: copies of the descriptor share their position.
        file.read_exact_at(&mut bytes, at)?;
        io::Result::Ok(u64::from_ne_bytes(bytes))
    };
    // A pidfd can't be read.
    let process = number(0).and_then(|pid| Ok((pid as u32, number(8)?))).ok();
    let watched = match process {
        Some(_) => timer()?,
        None => file.into(),
    };
    Ok(Ending { watched, process })
}

/// A descriptor that can be read each second.
fn timer() -> io::Result<OwnedFd> {
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
    /// Whether the process has ended. Ask when the descriptor can be read.
    pub(crate) fn has_come(&self) -> bool {
        let Some((pid, identity)) = self.process else {
            return wait::is_readable(&self.watched);
        };
        // Until the next second.
        let _ = rustix::io::read(&self.watched, &mut [0; 8]);
        proc::identity(pid) != Some(identity) || proc::has_ended(pid)
    }

    /// Waits for it, until then at the latest.
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
