//! Guards: nothing outlives the run.
//!
//! The test process is never the parent of a service. At the first start it runs its own
//! executable again; that copy becomes the [`warden`], which forks one guard per service ([`watch`]).
//! The owner's side is here: [`Guarded`] is a command under a guard, and a thread of its own
//! hears what the guard says.
//!
//! A shared service is detached from its owner once it is ready: then its guard answers whoever
//! connects to its socket, and stops the service when the runner (cargo, nextest) has ended.
//!
//! Two things tell a guard that its owner has ended, whichever comes first: the socket closes,
//! and the owner's pidfd becomes readable. The second counts where some forked child of the
//! test still holds a copy of the socket.

mod encoding;
mod errand;
#[cfg(fuzzing)]
pub mod fuzzing;
mod hire;
mod job;
mod listener;
mod message;
mod notify;
mod owner;
mod recorder;
mod service;
mod sharing;
mod signals;
mod spawn;
mod sweep;
mod title;
mod tree;
mod warden;
mod watch;
mod wire;

pub(crate) use errand::{Command as Errand, Failed as ErrandFailed, Runner as ErrandRunner};
pub(crate) use hire::prepare;
pub(crate) use message::{Ran, Step, StopPlan, Sweep, Whom};
/// The mode of a file that is to be kept: as private as others, with the sticky bit, which has no
/// meaning for a file (`inode(7)`).
pub(crate) const KEPT_MODE: u32 = 0o1600;

/// How the title of a guard ends whose service is a fixture.
pub(crate) const FIXTURE_TITLE: &str = ", a fixture";

pub(crate) use owner::{Guarded, Interest, LaunchError, Plan, Sharing, Sleeper, State};

use std::os::fd::OwnedFd;

use rustix::process::PidfdFlags;

use super::Signal;

/// A descriptor that can be read when this process has ended, if the kernel has such.
fn own_pidfd() -> Option<OwnedFd> {
    let me = rustix::process::getpid();
    rustix::process::pidfd_open(me, PidfdFlags::empty()).ok()
}

/// Ends this process without running anything of the test program's.
fn exit(code: i32) -> ! {
    // SAFETY: `_exit` takes any number and does not return.
    unsafe { libc::_exit(code) }
}

/// Closes every descriptor from `first` on: what some code in the test process opened without
/// close-on-exec is not for us.
fn close_from(first: u32) {
    // SAFETY: the caller is the copy before `main`, in which nobody owns those descriptors.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
    if closed == 0 {
        return;
    }
    // A kernel before 5.9.
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else {
        return;
    };
    let open: Vec<i32> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|fd: &i32| *fd >= first as i32)
        .collect();
    for fd in open {
        // SAFETY: as above; the descriptor of the listing itself is closed by now, and closing
        // it again does no harm in a process of one thread.
        unsafe { libc::close(fd) };
    }
}
