//! Tests with a container engine, one module for each promise of summon. `tests/scripts/images` makes
//! their images.

mod ends;
mod engine;
mod options;
mod orphans;
mod output;
mod process;
mod pulls;
mod reach;
mod readiness;
mod servers;
#[path = "../it/support.rs"]
#[allow(dead_code, reason = "the other tests use more of it")]
mod support;
