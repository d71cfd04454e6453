//! The owner's side: what a test process does to have commands run under guards.

mod databases;
pub(super) mod exit_message;
mod guarded;
mod helper;
mod link;
mod received;
mod start_warden;
mod sync;
mod wardens;

pub(crate) use exit_message::note_interruption_in;
pub(crate) use guarded::Guarded;
pub(crate) use helper::Helper;
pub(crate) use link::{LinkProcess, start_relay};
pub(crate) use received::Sleeper;
pub(crate) use wardens::{prepare, run_has_ended};
