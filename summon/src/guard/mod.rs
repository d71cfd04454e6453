//! Guards: no service outlives its test run.
//!
//! The test process is never the parent of a service. At the first start it runs its own executable
//! again. That copy becomes the [`warden`], which forks one guard per service ([`watch`]). The
//! owner's side is [`Guarded`]: a command under a guard, with a thread that receives the guard's
//! messages.
//!
//! Once a shared service is ready, its guard detaches from the owner. From then on the guard
//! answers each process that connects to its socket, and stops the service when the runner (cargo,
//! nextest) has ended.
//!
//! A guard learns in two ways that its owner has ended: the socket closes, or the system reports
//! the owner's end ([`ending`](crate::sys::ending)). The socket alone is not enough, since a forked
//! child of the test may hold a copy.
#![expect(
    unsafe_code,
    reason = "a guard forks without exec, waits without reaping, and ends without `main`"
)]

mod children;
mod clients;
mod databases;
mod details;
mod dispositions;
#[cfg(fuzzing)]
pub mod fuzzing;
mod killing;
mod link;
mod owner;
mod path_search;
mod program;
mod protocol;
mod spawn;
mod state;
mod terms;
mod title;
mod warden;
mod watch;

pub(crate) use databases::{Answer, Server, ServerKind};
pub(crate) use details::{Details, Failure};
pub(crate) use link::{Close, Faults, Root, Separated, WayFaults};
pub(crate) use owner::{
    Guarded, Helper, LinkProcess, Sleeper, note_interruption_in, prepare, run_has_ended,
    start_relay,
};
pub(crate) use program::{Attributes, Program};
pub(crate) use state::{
    Allowed, HelperError, Interest, LaunchError, Ran, State, Step, Whom, is_unstarted,
};
pub(crate) use terms::{About, Container, Removal, Sharing, StopPlan, Terms};
