//! `#[summon]` on the `main` of a program and of an example: the processes end with the program.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::support::{Life, eventually};

use summon::{Process, summon};
use summon_ecosystem::ask;

/// Runs the program, and returns the program and its server.
fn dev() -> (Child, Life) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dev"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut said = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut said).unwrap();
    let words: Vec<&str> = said.trim().split(' ').collect();
    let ["process", pid, "serves", "at", addr] = words[..] else {
        panic!("{said}");
    };
    assert_eq!(ask(addr.parse().unwrap(), "hello").unwrap(), "hello");
    (child, Life::of(pid.parse().unwrap()).unwrap())
}

#[test]
fn a_main_stops_its_server_before_it_ends() {
    let (mut child, server) = dev();
    assert!(server.goes_on());
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    assert!(!server.goes_on());
}

#[test]
fn the_server_of_a_main_that_is_killed_ends_soon() {
    let (mut child, server) = dev();
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the server ends", || !server.goes_on());
}

#[summon(example = "demo", output = "", banner = "^process .* has answered$")]
#[test]
fn an_async_main_and_its_server_are_stopped_together(demo: &Process) {
    let said = demo
        .wait_for_output("^process .* has answered$", "5s")
        .unwrap();
    let pid = said.split(' ').nth(1).unwrap();
    let server = Life::of(pid.parse().unwrap()).unwrap();
    demo.stop().unwrap();
    assert!(!server.goes_on());
}
