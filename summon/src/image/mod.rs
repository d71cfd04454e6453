//! Container images, run by Docker or Podman as the program of a service.

mod access;
mod advice;
mod archive;
mod asked;
mod engine;
#[cfg(test)]
#[cfg(unix)]
mod fakes;
mod find_engine;
mod inspected;
mod kind;
mod network;
mod options;
mod orphans;
mod pull;
mod pull_once;

pub(crate) use access::Access;
pub(crate) use archive::Archive;
pub(crate) use engine::Engine;
pub(crate) use inspected::Inspected;
pub(crate) use kind::Kind;
pub(crate) use network::Network;
pub(crate) use options::Options;
pub(crate) use orphans::remove_orphans;
pub use pull::Pull;
pub(crate) use pull::{ensure, is_here};
