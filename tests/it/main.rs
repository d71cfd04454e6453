//! The promises of summon, one module each, kept by real processes.

mod attribute;
mod combined;
mod documented;
mod errors;
mod files;
mod fixture_use;
mod fixtures;
mod helpers;
mod hostile;
mod lifecycle;
mod notify;
mod odd;
mod orchestrator;
mod output;
mod own;
mod ports;
mod probes;
mod programs;
mod progress;
#[rustfmt::skip]
mod readme;
mod real;
mod recipes;
mod reports;
mod security;
mod servers;
mod settings;
mod start;
mod stop;
mod support;
mod surroundings;
mod tidy;
mod trace;
mod tree;
mod turns;
mod users;
