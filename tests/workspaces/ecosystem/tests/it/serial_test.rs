//! `#[serial]`: tests that take turns. Above `#[serial]`, `#[summon]` starts in the test's turn.
//! Below it, `#[summon]` starts before the turn.

use std::thread::{self, JoinHandle};

use crate::support::{Notes, Noting, eventually, note, serves};

use serial_test::serial;
use summon::{Process, summon};
use summon_ecosystem::ask;

#[summon(bin = "echo", tcp = "--port {port}")]
#[test]
#[serial]
fn answers(echo: &Process) {
    assert_eq!(ask(echo.addr(), "hello").unwrap(), "hello");
}

#[summon(bin = "echo", tcp = "--port {port}")]
#[serial]
#[test]
fn above_both(echo: &Process) {
    serves(echo);
}

#[summon(bin = "echo", tcp = "--port {port}")]
#[serial]
#[tokio::test]
async fn with_tokio(echo: &Process) {
    tokio::task::yield_now().await;
    serves(echo);
}

#[tokio::test]
#[summon(bin = "echo", tcp = "--port {port}")]
#[serial]
async fn between_tokio_and_serial(echo: &Process) {
    tokio::task::yield_now().await;
    serves(echo);
}

#[summon(bin = "echo", tcp = "--port {port}")]
#[rstest::rstest]
#[case(1)]
#[serial]
fn with_rstest(echo: &Process, #[case] _number: u32) {
    serves(echo);
}

#[summon(bin = "echo", tcp = "--port {port}")]
#[test_case::test_case(1)]
#[serial]
fn with_test_case(echo: &Process, _number: u32) {
    serves(echo);
}

#[serial]
#[summon(bin = "echo", tcp = "--port {port}")]
#[test]
fn between_without_parameters() {}

#[serial]
#[test]
#[summon(bin = "echo", tcp = "--port {port}")]
fn below_both_without_parameters() {}

#[serial]
mod a_module {
    use super::*;

    #[summon(bin = "echo", tcp = "--port {port}")]
    #[test]
    fn without_parameters() {}
}

static ABOVE: Notes = Notes::new(Vec::new());
static BELOW: Notes = Notes::new(Vec::new());

#[summon(executor = Noting::new(&ABOVE))]
#[serial(above)]
fn above() {
    note(&ABOVE, "body");
}

#[serial(below)]
#[summon(executor = Noting::new(&BELOW))]
fn below() {
    note(&BELOW, "body");
}

#[serial(above)]
fn turn_before_above() -> thread::Result<JoinHandle<()>> {
    let waiting = thread::spawn(above);
    note(&ABOVE, "turn");
    Ok(waiting)
}

#[serial(below)]
fn turn_before_below() -> thread::Result<JoinHandle<()>> {
    let waiting = thread::spawn(below);
    eventually("it starts", || !BELOW.lock().unwrap().is_empty());
    note(&BELOW, "turn");
    Ok(waiting)
}

#[test]
fn above_it_starts_in_its_turn() {
    turn_before_above().unwrap().join().unwrap();
    assert_eq!(*ABOVE.lock().unwrap(), ["turn", "start", "body", "stop"]);
}

#[test]
fn below_it_starts_before_its_turn() {
    turn_before_below().unwrap().join().unwrap();
    assert_eq!(*BELOW.lock().unwrap(), ["start", "turn", "body", "stop"]);
}
