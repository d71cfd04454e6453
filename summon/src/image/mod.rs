//! Container images, run by Docker or Podman as the program of a service.
#![allow(
    dead_code,
    unused_imports,
    reason = "containers do not reach other processes yet"
)]

mod advice;
mod archive;
mod asked;
mod engine;
#[cfg(test)]
#[cfg(unix)]
mod fakes;
mod kind;
mod options;
mod orphans;
mod pull;
mod search;

pub(crate) use archive::Archive;
pub(crate) use engine::Engine;
pub(crate) use kind::Kind;
pub(crate) use options::Options;
pub(crate) use orphans::remove_orphans;
pub use pull::Pull;
pub(crate) use pull::{Inspected, ensure};
