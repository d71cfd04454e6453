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
//! and the system tells of the owner's end ([`ending`]). The second counts where some forked child of the
//! test still holds a copy of the socket.
#![expect(
    unsafe_code,
    reason = "a guard forks without exec, waits without reaping, and ends without `main`"
)]

mod catch_up;
mod encoding;
mod errand;
mod exec;
mod farewell;
#[cfg(fuzzing)]
pub mod fuzzing;
mod hire;
mod job;
mod killing;
mod listener;
mod lost;
mod message;
mod notify;
mod owner;
mod recorder;
mod service;
mod sharing;
mod signals;
mod spawn;
mod sweep;
mod terms;
mod title;
mod tree;
mod warden;
mod watch;
mod wire;

pub(crate) use errand::Runner as ErrandRunner;
pub(crate) use farewell::note_interruption_in;
pub(crate) use hire::prepare;
pub(crate) use owner::{Guarded, Sleeper};
pub(crate) use terms::{
    About, Errand, ErrandFailed, Interest, LaunchError, Plan, Ran, Sharing, State, Step, StopPlan,
    Whom,
};

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::sys::{Signal, ending, runner};

/// What a guard of this process watches to know that it has ended, if the system has such.
fn own_ending() -> Option<OwnedFd> {
    ending::of(std::process::id()).ok()
}

/// What a guard of this process watches to know that the runner has ended, if there is one.
fn runner_ending() -> Option<BorrowedFd<'static>> {
    runner::current().map(|runner| runner.ending.as_fd())
}

/// Ends this process without running anything of the test program's.
fn exit(code: i32) -> ! {
    // SAFETY: `_exit` takes any number and does not return.
    unsafe { libc::_exit(code) }
}
