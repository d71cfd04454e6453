//! A server for benchmarks with divan.

use divan::Bencher;
use summon::{Fixture, Process, summon};
use summon_ecosystem::{Client, ask};

#[summon(bin = "echo", tcp = "--port {port}")]
#[divan::bench]
fn round_trip(bencher: Bencher<'_, '_>, echo: &Process) {
    let mut client = Client::connect(echo.addr()).unwrap();
    bencher.bench_local(|| client.ask("hello").unwrap());
}

#[summon::fixture(bin = "echo", tcp = "--port {port}")]
static ECHO: Fixture;

#[divan::bench(args = ["a", "hello"])]
fn reconnect(line: &str) {
    assert_eq!(ask(ECHO.addr(), line).unwrap(), line);
}

#[divan::bench]
#[summon(bin = "echo", tcp = "--port {port}")]
fn below_without_parameters() {}

fn main() {
    divan::main();
}
