//! The protocol between a test process, its wardens, and its guards.

mod container;
pub(super) mod encoding;
pub(super) mod job;
mod joining;
pub(super) mod message;
pub(super) mod request;
pub(super) mod warden;
pub(super) mod wire;
