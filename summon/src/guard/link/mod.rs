//! Links: a process passes bytes between clients and a server, and breaks the connections on
//! request.
//!
//! A link is a separate process. The warden forks it like a guard. A thread of the test would hold two
//! descriptors for each connection, and a forked child of the test would keep them open. It ends with
//! its owner, like a guard.
//!
//! [`serve`] obeys the owner, and [`apply_faults`] puts faults into force. [`relay`] has all
//! connections, [`accept`] takes new ones, and [`progress`] lets them go on. A [`connection`] has two
//! directions, and a [`flow`] is one direction, between two sockets ([`socket`]). [`separation`] knows
//! which connections a [`partition`] of a cluster separates.

mod accept;
mod apply_faults;
mod connection;
mod faults;
mod flow;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;
mod message;
mod partition;
mod progress;
mod queue;
mod rate;
mod relay;
mod separation;
mod serve;
mod socket;
mod spin_or_sleep;

pub(super) use faults::Counts;
pub(crate) use faults::{Close, Faults, Root, Separated, WayFaults};
pub(super) use message::{LinkAnswer, LinkOrder};
pub(super) use serve::serve;
