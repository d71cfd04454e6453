//! Tests that hang until a runner kills them. `tests/it/killed.rs` runs them and reads the rest.

mod common;

use common::{RUN, env, record, use_it};
use summon::{Fixture, Process, SimpleExecutor, summon};

/// Waits until another process kills this one.
fn hang() -> ! {
    record("waiting");
    loop {
        std::thread::park();
    }
}

#[summon(output = [env("ACTOR"), "say".into(), "up".into(), "serve".into(), "{dir}".into()], banner = "^up$")]
#[test]
fn hangs(server: &Process) {
    std::fs::write(server.dir().join("line"), "asked by this test\n").unwrap();
    server.wait_for_output("asked by this test", "5s").unwrap();
    hang();
}

#[test]
fn hangs_with_executors_of_its_own() {
    let sleeper = SimpleExecutor::new("sleep 1000").named("sleeper");
    sleeper.start().unwrap();
    hang();
}

#[summon::fixture(output = [env("ACTOR"), "say".into(), "up".into(), "serve".into(), "{dir}".into()], banner = "^up$")]
static SHARED: Fixture;

#[summon(fixture = SHARED)]
#[test]
fn hangs_with_a_fixture(shared: &Process) {
    std::fs::write(shared.dir().join("line"), "asked by this test\n").unwrap();
    shared.wait_for_output("asked by this test", "5s").unwrap();
    hang();
}

/// This test passes, and leaves nothing.
#[summon(fixture = SHARED)]
#[test]
fn passes_with_a_fixture(_shared: &Process) {
    use_it(&RUN);
}

#[summon::fixture(tcp = [env("ACTOR"), "listen".into(), "127.0.0.1:{port}".into()])]
static EXPORTED: Fixture;

#[summon(fixture = EXPORTED, export = "EXPORTED_URL")]
#[summon(fixture = SHARED)]
#[test]
fn hangs_with_an_export() {
    hang();
}
