//! Tests with a container engine, one module for each promise of summon. `tests/scripts/images` makes
//! their images.

mod apart;
mod choice;
mod ends;
mod engine;
mod held;
mod network;
mod options;
mod orphans;
mod output;
mod owner;
mod process;
mod pulls;
mod reach;
mod readiness;
mod refused;
mod reports;
mod servers;
mod shared;
mod skipped;
#[path = "../it/support.rs"]
#[allow(dead_code, reason = "the other tests use more of it")]
mod support;
mod survivors;
mod values;
