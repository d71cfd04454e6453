//! One of two binaries that share a fixture with the type of its executor.

mod common;

#[path = "common/typed.rs"]
mod typed;
