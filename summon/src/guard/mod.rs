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
//! and the system tells of the owner's end ([`ending`](crate::sys::ending)). The second counts where some forked child of the
//! test still holds a copy of the socket.
#![expect(
    unsafe_code,
    reason = "a guard forks without exec, waits without reaping, and ends without `main`"
)]

mod catch_up;
mod command;
mod encoding;
mod exec;
mod farewell;
#[cfg(fuzzing)]
pub mod fuzzing;
mod helper;
mod hire;
mod job;
mod killing;
mod listener;
mod lost;
mod mark;
mod message;
mod notify;
mod owner;
mod program;
mod recorder;
mod service;
mod sharing;
mod signals;
mod spawn;
mod state;
mod sweep;
mod terms;
mod title;
mod tree;
mod warden;
mod watch;
mod wire;

pub(crate) use farewell::note_interruption_in;
pub(crate) use helper::Helper;
pub(crate) use hire::prepare;
pub(crate) use owner::{Guarded, Sleeper};
pub(crate) use program::{Attributes, Program};
pub(crate) use state::{HelperError, Interest, LaunchError, Ran, State, Step, Whom};
pub(crate) use terms::{About, Sharing, StopPlan, Terms};
