//! Container images, run by Docker or Podman as the program of a service.
#![allow(
    dead_code,
    unused_imports,
    reason = "the executors do not use images yet"
)]

mod advice;
mod asked;
mod engine;
mod kind;

pub(crate) use engine::Engine;
pub(crate) use kind::Kind;
