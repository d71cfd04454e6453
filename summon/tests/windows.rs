//! On Windows, each start fails with an error that says what summon lacks. On other systems, this file
//! has no tests.
#![cfg(windows)]

use summon::{
    Error, Executor, Fixture, HttpCoordinatedExecutor, OutputCoordinatedExecutor, Process, Signal,
    SimpleExecutor, TcpCoordinatedExecutor, orchestrated, summon,
};

#[track_caller]
fn says_what_is_missing(error: &Error, name: &str) {
    let text = error.to_string();
    let headline =
        format!("{name} could not be started: summon can't start programs on Windows yet\n");
    assert!(text.starts_with(&headline), "{text}");
    for part in [
        "declared ",
        "command ",
        "missing   guards",
        "hint      run the tests in WSL",
    ] {
        assert!(text.contains(&format!("\n  {part}")), "{part}: {text}");
    }
    assert!(!error.is_timeout() && !error.is_already_running() && error.exit_status().is_none());
}

#[test]
fn every_start_says_what_is_missing() {
    let all: [(&str, &dyn Executor); 4] = [
        ("simple", &SimpleExecutor::new("simple")),
        ("output", &OutputCoordinatedExecutor::new("output", "ready")),
        (
            "tcp",
            &TcpCoordinatedExecutor::new("tcp {port} {dir}", "localhost", 0),
        ),
        (
            "http",
            &HttpCoordinatedExecutor::new("http", "http://localhost:6379/"),
        ),
    ];
    for (name, executor) in all {
        says_what_is_missing(&executor.start().unwrap_err(), name);
        executor.stop().unwrap();
        assert!(!executor.process().unwrap().is_running());
    }
}

#[test]
fn options_are_taken_and_a_set_fails_as_one() {
    let db = TcpCoordinatedExecutor::new("db -p 1", "localhost", 6379)
        .env("A", "{name}")
        .stop_signal(Signal::INT)
        .before("initdb")
        .timeout("1h");
    let api = SimpleExecutor::new("api --db {db.port}");
    says_what_is_missing(&orchestrated((&db, &api)).unwrap_err(), "db");
    assert_eq!(Signal::TERM.to_string(), "SIGTERM");
}

#[summon(simple = "server", named = "attribute")]
fn never(_server: &Process) {
    unreachable!("nothing was started");
}

#[test]
fn the_attribute_panics_with_it() {
    let panic = std::panic::catch_unwind(never).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(
        text.contains("summon can't start programs on Windows yet"),
        "{text}"
    );
}

#[summon::fixture(tcp = "redis-server --port {port}")]
static REDIS: Fixture;

#[test]
fn so_does_a_fixture() {
    let text = REDIS.get().unwrap_err().to_string();
    assert!(
        text.contains("summon can't start programs on Windows yet"),
        "{text}"
    );
}
