//! A server for benchmarks with criterion.

use criterion::{Criterion, criterion_group, criterion_main};
use summon::{Fixture, Process, summon};
use summon_ecosystem::Client;

#[summon::fixture(bin = "echo", tcp = "--port {port}")]
static ECHO: Fixture;

fn round_trip(criterion: &mut Criterion) {
    let mut client = Client::connect(ECHO.addr()).unwrap();
    criterion.bench_function("round trip", |bencher| {
        bencher.iter(|| client.ask("hello").unwrap());
    });
}

// A separate server, which runs during this function.
#[summon(bin = "echo", tcp = "--port {port}")]
fn reconnect(criterion: &mut Criterion, echo: &Process) {
    assert_ne!(echo.port(), ECHO.port());
    criterion.bench_function("reconnect", |bencher| {
        bencher.iter(|| Client::connect(echo.addr()).unwrap().ask("hello").unwrap());
    });
}

criterion_group!(benches, round_trip, reconnect);
criterion_main!(benches);
