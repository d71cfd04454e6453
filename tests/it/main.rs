//! Tests with real processes, one module for each promise of summon.

mod attribute;
mod changes;
mod cleaning;
mod combined;
mod daemons;
mod documented;
mod errors;
mod examples;
mod files;
mod fixture_use;
mod fixtures;
mod halted;
mod held_ports;
mod helpers;
mod hostile;
mod http;
mod killed;
mod lifecycle;
mod notify;
mod odd;
mod orchestrator;
mod output;
mod own;
#[cfg(has_redis)]
#[rustfmt::skip]
mod own_service;
mod ports;
mod privileges;
mod probes;
mod programs;
mod progress;
mod project;
mod prose;
#[rustfmt::skip]
mod readme;
mod real;
mod recipes;
mod reports;
mod runner;
mod sandbox;
mod security;
mod servers;
mod settings;
mod start;
mod stop;
mod support;
mod surroundings;
mod tidy;
mod tools;
mod trace;
mod tree;
mod turns;
mod unkillable;
mod users;
mod versions;
mod wrapped;
