//! One of three binaries with the same tests.

mod common;

#[path = "common/suite.rs"]
mod suite;
