//! Container images, run by Docker or Podman as the program of a service.
#![allow(
    dead_code,
    unused_imports,
    reason = "the executors do not use images yet"
)]

mod advice;
mod asked;
mod engine;
#[cfg(test)]
#[cfg(unix)]
mod fakes;
mod kind;
mod orphans;
mod pull;
mod search;

pub(crate) use engine::Engine;
pub(crate) use kind::Kind;
pub(crate) use orphans::remove_orphans;
pub(crate) use pull::{Inspected, Pull, ensure};
