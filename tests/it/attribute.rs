//! `#[summon]` as users write it. If a start must fail, this module runs the test in a child and
//! reads the output.

use std::process::Command;

use summon::{Error, Executor, Process, SimpleExecutor, summon};

use crate::support::{ACTOR, ask};

#[summon(simple = "sleep 1000")]
#[test]
fn simple(sleeper: &Process) {
    assert_eq!(sleeper.name(), "sleeper");
    assert!(sleeper.is_running());
}

#[summon(output = [ACTOR, "env", "A", "env", "B", "say", "up"], banner = "^up$", env("A", "1"), env("B", "{name}"))]
#[test]
fn output(server: &Process) {
    assert_eq!(server.output(), b"A=1\nB=server\nup\n");
}

#[summon(tcp = [ACTOR, "listen", "127.0.0.1:{port}"], timeout = "20s")]
#[test]
fn tcp(server: &Process) {
    assert_eq!(ask(server.addr()), "1");
}

#[summon(tcp = [ACTOR, "listen", "{host}:{port}"], host = "127.0.0.1")]
#[test]
fn tcp_on_a_host(server: &Process) {
    assert_eq!(server.host(), "127.0.0.1");
    assert_eq!(ask(server.addr()), "1");
}

#[summon(http = [ACTOR, "http", "127.0.0.1:{port}", "401"], path = "/health?x=y", status = 400..500, header("A", "b"))]
#[test]
fn http(server: &Process) {
    server
        .wait_for_output(r"^GET /health\?x=y HTTP/1.1$", "5s")
        .unwrap();
    server.wait_for_output(r"^A: b$", "5s").unwrap();
}

#[summon(http = [ACTOR, "http", "127.0.0.1:{port}", "200"], url = "http://127.0.0.1:{port}/u")]
#[test]
fn http_at_a_url(server: &Process) {
    server.wait_for_output("^GET /u HTTP/1.1$", "5s").unwrap();
}

/// An executor that a user wrote.
struct Counting {
    inner: SimpleExecutor,
    starts: std::sync::atomic::AtomicU32,
}

impl Counting {
    fn new(command: &str) -> Counting {
        Counting {
            inner: SimpleExecutor::new(command),
            starts: 0.into(),
        }
    }

    fn starts(&self) -> u32 {
        self.starts.load(std::sync::atomic::Ordering::Relaxed)
    }
}

impl Executor for Counting {
    fn start(&self) -> Result<(), Error> {
        self.starts
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.inner.start()
    }

    fn stop(&self) -> Result<(), Error> {
        self.inner.stop()
    }

    fn process(&self) -> Option<&Process> {
        Some(&self.inner)
    }
}

#[summon(executor = Counting::new("sleep 1000"))]
#[test]
fn executor_of_a_users_by_its_own_type(counting: &Counting) {
    assert_eq!(counting.starts(), 1);
    assert_eq!(counting.inner.name(), "counting");
}

#[summon(executor = SimpleExecutor::new("sleep 1000"), arg = "1000")]
#[test]
fn executor_of_ours_as_a_process(sleeper: &Process) {
    assert!(sleeper.is_running());
}

#[summon(executor = SimpleExecutor::new("sleep 1000").named("own"))]
#[test]
fn a_name_of_its_own_wins(parameter: &Process) {
    assert_eq!(parameter.name(), "own");
}

#[summon(output = [ACTOR, "env", "DB"], banner = "^DB=", env("DB", "{db.port}"))]
#[summon(simple = "sleep 1000", name = "db")]
#[summon(simple = "sleep 1000", after = "api")]
#[test]
fn stacked_attributes_are_one_set_bound_in_order(api: &Process, _: &Process, last: &Process) {
    assert_eq!((api.name(), last.name()), ("api", "last"));
    let line = String::from_utf8(api.output()).unwrap();
    assert!(line.starts_with("DB=") && line != "DB=\n", "{line}");
}

#[test]
#[summon(simple = "sleep 1000")]
#[summon(simple = "sleep 1000", name = "other")]
fn below_the_test_attribute_without_parameters() {}

#[summon(simple = "sleep 1000")]
#[tokio::test]
async fn above_tokio(sleeper: &Process) {
    tokio::task::yield_now().await;
    assert!(sleeper.is_running());
}

#[summon(simple = "sleep 1000")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn above_tokio_with_threads(_sleeper: &Process) -> Result<(), Error> {
    tokio::task::yield_now().await;
    assert_eq!(_sleeper.name(), "sleeper");
    Ok(())
}

#[tokio::test]
#[summon(simple = "sleep 1000")]
async fn below_tokio_without_parameters() {
    tokio::task::yield_now().await;
}

#[summon(simple = "sleep 1000")]
#[test]
#[should_panic(expected = "as it should")]
fn a_body_that_should_panic(sleeper: &Process) {
    assert!(sleeper.is_running());
    panic!("as it should");
}

#[summon(simple = "sleep 1000")]
#[test]
fn the_body_may_return_early_and_use_question_marks(
    sleeper: &Process,
) -> Result<(), Box<dyn std::error::Error>> {
    if sleeper.is_running() {
        let _: u32 = "1".parse()?;
        return Ok(());
    }
    Err("not running".into())
}

/// The attribute on a plain function, which a plain test calls.
#[summon(simple = "sleep 1000")]
fn helper<T: std::fmt::Display>(text: T, sleeper: &Process) -> String {
    format!("{text} {}", sleeper.name())
}

#[test]
fn plain_functions_keep_their_other_parameters() {
    assert_eq!(helper(7), "7 sleeper");
}

#[test]
fn the_process_is_gone_when_the_function_returns() {
    #[summon(simple = "sleep 1000")]
    fn pid(sleeper: &Process) -> u32 {
        sleeper.id().unwrap()
    }
    let pid = pid();
    assert!(crate::support::Life::of(pid).is_none_or(|life| !life.what.contains("sleep 1000")));
}

mod run_by_others {
    use super::*;

    #[summon(simple = "no-such-program --flag")]
    #[test]
    #[ignore = "fails on purpose; other tests run it and read what it says"]
    fn fails_to_start(_missing: &Process) {
        panic!("the body must not run");
    }

    #[summon(simple = "no-such-program")]
    #[test]
    #[ignore = "fails on purpose; other tests run it and read what it says"]
    #[should_panic]
    fn fails_to_start_but_should_panic() {
        panic!("the body must not run");
    }

    #[summon(simple = "sleep 1000")]
    #[test]
    #[ignore = "fails on purpose; other tests run it and read what it says"]
    fn returns_the_error_of_a_start(_sleeper: &Process) -> Result<(), Error> {
        SimpleExecutor::new("no-such-program --flag").start()
    }
}

fn run(test: &str) -> String {
    let name = format!("attribute::run_by_others::{test}");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--ignored"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("test result: FAILED. 0 passed; 1 failed"),
        "{said}"
    );
    assert!(!said.contains("the body must not run"), "{said}");
    said
}

#[test]
fn a_start_that_fails_fails_the_test_with_the_report() {
    let line = 1 + include_str!("attribute.rs")
        .lines()
        .position(|line| line.contains("simple = \"no-such-program --flag\""))
        .unwrap();
    let said = run("fails_to_start");
    assert!(
        said.contains("missing could not be started: `no-such-program` is not in PATH"),
        "{said}"
    );
    assert!(
        said.contains(&format!("\n  declared  tests/it/attribute.rs:{line}\n")),
        "{said}"
    );
    assert!(
        said.contains("\n  command   no-such-program --flag\n"),
        "{said}"
    );
}

#[test]
fn a_start_that_fails_fails_a_test_that_should_panic_too() {
    let said = run("fails_to_start_but_should_panic");
    assert!(
        said.contains("no-such-program could not be started"),
        "{said}"
    );
    assert!(said.contains("test did not panic as expected"), "{said}");
}

#[test]
fn a_test_that_returns_the_error_prints_it_in_full() {
    let said = run("returns_the_error_of_a_start");
    assert!(
        said.contains("Error: no-such-program could not be started"),
        "{said}"
    );
    assert!(
        said.contains("\n  command   no-such-program --flag\n"),
        "{said}"
    );
}

#[summon(http = [ACTOR, "http", "127.0.0.1:{port}", "200"], path = "health")]
#[test]
fn a_path_needs_no_slash(server: &Process) {
    server
        .wait_for_output("^GET /health HTTP/1.1$", "5s")
        .unwrap();
}

#[summon(bin = "actor", output, banner = "^up$", args = ["say", "up", "wait"])]
#[summon(http, bin = "actor", path = "/health", args = ["http", "127.0.0.1:{port}", "204"])]
#[test]
fn a_program_of_the_package_needs_no_text(first: &Process, second: &Process) {
    assert_eq!((first.name(), second.name()), ("first", "second"));
    assert_eq!(first.output(), b"up\n");
    assert!(second.is_running());
}
