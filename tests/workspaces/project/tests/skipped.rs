//! Tests with missing programs. `tests/it/skipping.rs` runs them, and reads what they say.

mod common;

use std::process::{ExitCode, Termination};

use common::{env, record};
use summon::servers::Redis;
use summon::{Cluster, Fixture, Process, SimpleExecutor, orchestrated, summon};

#[summon(tcp = "no-such-server --port {port}")]
#[test]
fn a_plain_test(_server: &Process) {
    record("ran");
}

#[summon(tcp = "no-such-server --port {port}")]
#[test]
fn a_test_with_a_result(_server: &Process) -> Result<(), String> {
    record("ran");
    Err("not reached".to_owned())
}

#[summon(tcp = "no-such-server --port {port}")]
#[test]
fn a_test_with_an_exit_code(_server: &Process) -> ExitCode {
    record("ran");
    ExitCode::FAILURE
}

#[summon(tcp = "no-such-server --port {port}")]
#[test]
#[should_panic]
fn a_test_that_should_panic(_server: &Process) {
    record("ran");
}

#[summon(tcp = "no-such-server --port {port}")]
#[test]
#[should_panic(expected = "out of cheese")]
fn a_test_that_should_panic_with_a_text(_server: &Process) {
    record("ran");
}

#[summon(executor = Redis::new(), env("PATH", "/nowhere"))]
#[test]
fn a_ready_made_server(_redis: &Redis) {
    record("ran");
}

#[summon(simple = "sleep 100", before = "no-such-initdb {dir}")]
#[test]
fn a_command_before(_sleeper: &Process) {
    record("ran");
}

#[summon(simple = "/no/such/server")]
#[test]
fn a_path(_server: &Process) {
    record("ran");
}

/// The other program of the set does not start.
#[summon(simple = [env("ACTOR"), "record".into(), env("RECORD"), "started".into()])]
#[summon(tcp = "no-such-server --port {port}")]
#[test]
fn one_of_a_set(_other: &Process, _server: &Process) {
    record("ran");
}

/// The other program would be ready before the nodes start, and fail after that.
#[summon(output = [env("ACTOR"), "record".into(), env("RECORD"), "started".into(), "say".into(), "up".into()], banner = "^up$")]
#[summon(tcp = "no-such-server --port {port}", nodes = 2, after("first"))]
#[test]
fn a_cluster_of_a_set(first: &Process, _server: &Cluster) {
    record(first.name());
}

#[summon::fixture(tcp = "no-such-server --port {port}", scope = "run")]
static SHARED: Fixture;

#[summon(fixture = SHARED)]
#[test]
fn a_fixture(_shared: &Process) {
    record("ran");
}

#[summon(fixture = SHARED)]
#[test]
fn a_fixture_again(_shared: &Process) {
    record("ran");
}

#[test]
fn without_the_attribute() {
    let server = SimpleExecutor::new("no-such-server");
    match orchestrated(&server) {
        Err(error) if error.is_skipped() => (),
        _ => record("ran"),
    }
}

/// The tests below fail.
#[summon(tcp = "no-such-server --port {port}")]
#[test]
fn fails_since_its_result_is_unknown(_server: &Process) -> impl Termination {
    record("ran");
}

#[summon(tcp = "no-such-server --port {port}", missing = "fail")]
#[test]
fn fails_since_it_must_not_be_skipped(_server: &Process) {
    record("ran");
}

#[summon(simple = "{dir}/script", with_file("script", summon::Contents::from("#!/no/such/shell\n").mode(0o755)))]
#[test]
fn fails_since_only_the_interpreter_is_missing(_server: &Process) {
    record("ran");
}
