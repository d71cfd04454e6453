//! Tests that fail since their service has written a line that it must not write.
//! `tests/it/reports.rs` runs them, like those of `failures.rs`.

mod common;

use common::{actor, env};
use summon::{Fixture, Process, summon};

/// Lets the server write the lines of its script that follow `await`.
fn provoke(server: &Process) {
    std::fs::write(server.dir().join("go"), "").unwrap();
    server.wait_for_output("^bye$", "5s").unwrap();
}

#[summon(output = actor("say up await {dir}/go complain ERROR:no-cheese say bye"), banner = "^up$", never = "ERROR|FATAL", never = "panicked")]
#[test]
fn a_forbidden_line(server: &Process) {
    provoke(server);
}

#[summon(output = actor("say up await {dir}/go complain ERROR:no-cheese say bye"), banner = "^up$", never = "ERROR|FATAL")]
#[test]
fn a_forbidden_line_in_a_test_that_returns(server: &Process) -> Result<(), String> {
    provoke(server);
    Ok(())
}

#[summon(output = actor("say up await {dir}/go complain ERROR:no-cheese say bye"), banner = "^up$", never = "ERROR|FATAL")]
#[test]
fn a_forbidden_line_and_a_panic(server: &Process) {
    provoke(server);
    panic!("on purpose");
}

/// The body panics as it should, and the test fails.
#[summon(output = actor("say up await {dir}/go complain ERROR:no-cheese say bye"), banner = "^up$", never = "ERROR|FATAL")]
#[test]
#[should_panic]
fn a_forbidden_line_and_a_panic_on_purpose(server: &Process) {
    provoke(server);
    panic!("on purpose");
}

#[summon(bin = "own-server", tcp = "--listen 127.0.0.1:{port}", env("FRAGILE", "1"))]
#[test]
fn a_program_of_the_package_panics(server: &Process) {
    break_it(server);
}

fn break_it(server: &Process) {
    let mut answer = String::new();
    let mut stream = std::net::TcpStream::connect(server.addr()).unwrap();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert_eq!(answer, "own");
    server.wait_for_output("out of cheese", "5s").unwrap();
}

/// This test passes.
#[summon(bin = "own-server", tcp = "--listen 127.0.0.1:{port}", env("FRAGILE", "1"))]
#[test]
fn a_panic_of_the_program_is_allowed(server: &Process) {
    server.allows("panicked at", || break_it(server));
}

/// This test passes.
#[summon(bin = "own-server", tcp = "--listen 127.0.0.1:{port}", env("FRAGILE", "1"), never = false)]
#[test]
fn the_program_may_panic(server: &Process) {
    break_it(server);
}

#[summon::fixture(output = actor("say up serve {dir}"), banner = "^up$", never = "ERROR")]
static WATCHED: Fixture;

#[summon(fixture = WATCHED)]
#[test]
fn a_fixture_writes_a_forbidden_line(watched: &Process) {
    std::fs::write(watched.dir().join("line"), "ERROR of this test\n").unwrap();
    watched.wait_for_output("of this test", "5s").unwrap();
}

#[summon::fixture(tcp = actor("listen 127.0.0.1:{port} serve {dir}"), never = "ERROR")]
static LINKED: Fixture;

#[summon(link = LINKED)]
#[test]
fn a_fixture_with_a_link_writes_a_forbidden_line() {
    std::fs::write(LINKED.dir().join("line"), "ERROR of this test\n").unwrap();
    LINKED.wait_for_output("of this test", "5s").unwrap();
    panic!("on purpose");
}
