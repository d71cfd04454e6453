//! A slow start or stop reports its progress, and a fast one prints nothing.

use std::process::Command;
use std::time::{Duration, Instant};

use summon::probe::Target;
use summon::{Coordinated, OutputCoordinatedExecutor, TcpCoordinatedExecutor};

use crate::support::actor;

#[test]
#[ignore = "another test runs it, and reads what it says"]
fn run_by_another_and_boots() {
    let boot = std::env::var("BOOT").unwrap();
    let script = ["boot", &boot, "listen", "127.0.0.1:{port}"];
    let server = TcpCoordinatedExecutor::new(actor(script), "localhost", 0).named("redis");
    server.start().unwrap();
    println!("port {}", server.port());
}

#[test]
#[ignore = "another test runs it, and reads what it says"]
fn run_by_another_and_lingers() {
    let linger = std::env::var("BOOT").unwrap();
    let words = [
        "linger",
        &linger,
        "farewell",
        "{dir}/bye",
        "bye",
        "say",
        "up",
    ];
    let server = OutputCoordinatedExecutor::new(actor(words), "up").named("redis");
    server.start().unwrap();
    server.stop().unwrap();
    println!("port {}", server.port());
}

#[test]
#[ignore = "another test runs it, and reads what it says"]
fn run_by_another_and_joins() {
    let boot = std::env::var("BOOT").unwrap().parse().unwrap();
    let joined = Instant::now() + Duration::from_millis(boot);
    let joins = move |_: &Target<'_>| match Instant::now() >= joined {
        true => Ok(()),
        false => Err("node-1 is joining"),
    };
    let server = Coordinated::with(actor(["wait"]), joins).named("cluster");
    server.start().unwrap();
}

/// Returns the stderr of a test as it is written, while the harness captures stdout.
fn said(boot: &str) -> String {
    said_by("progress::run_by_another_and_boots", boot)
}

fn said_by(test: &str, boot: &str) -> String {
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored"])
        .env("BOOT", boot)
        .output()
        .unwrap();
    assert!(run.status.success());
    assert!(!String::from_utf8_lossy(&run.stdout).contains("port "));
    String::from_utf8(run.stderr).unwrap()
}

#[test]
fn a_start_that_takes_long_says_what_it_waits_for_once_in_a_while() {
    let said = said("2500");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 1, "{said}");
    let rest = lines[0].strip_prefix("summon: waiting for redis: tcp localhost:");
    let (port, rest) = rest.unwrap().split_once(", ").unwrap();
    assert!(port.parse::<u16>().is_ok());
    assert_eq!(rest, "nothing listens there");
}

#[test]
fn the_reason_of_a_probe_is_printed_unchanged() {
    let said = said_by("progress::run_by_another_and_joins", "2500");
    assert!(said.ends_with(", node-1 is joining\n"), "{said}");
}

#[test]
fn a_fast_start_says_nothing() {
    assert_eq!(said("0"), "");
}

#[test]
fn a_stop_that_takes_long_says_so_and_a_fast_one_does_not() {
    let lingers = "progress::run_by_another_and_lingers";
    assert_eq!(said_by(lingers, "0"), "");
    let waits = "waiting for redis to end: it got SIGTERM, and will be killed 10s after that";
    assert_eq!(said_by(lingers, "2500"), format!("summon: {waits}\n"));
}
