//! `libtest-mimic`: a test binary that makes its own trials, with `harness = false`.

use std::path::Path;
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};
use summon::{Fixture, Process, summon};
use summon_ecosystem::ask;

fn main() {
    let trials = vec![
        Trial::test("answers", answers),
        Trial::test("shares", shares),
        Trial::test("a_start_that_fails_fails_the_trial", ends_as_a_failure),
        Trial::test("servers_end_with_the_harness", ends_its_servers),
        // The last two trials run these in a child.
        Trial::test("starts_not", starts_not).with_ignored_flag(true),
        Trial::test("tells", tells).with_ignored_flag(true),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

#[summon(bin = "echo", tcp = "--port {port}")]
fn answers(echo: &Process) -> Result<(), Failed> {
    assert_eq!(ask(echo.addr(), "hello")?, "hello");
    Ok(())
}

#[summon::fixture(bin = "echo", tcp = "--port {port}")]
static ECHO: Fixture;

#[summon(fixture = ECHO)]
fn shares(echo: &Process) -> Result<(), Failed> {
    assert_eq!(ask(echo.addr(), "hello")?, "hello");
    Ok(())
}

#[summon(simple = "no-such-program")]
fn starts_not() -> Result<(), Failed> {
    Ok(())
}

#[summon(bin = "echo", tcp = "--port {port}")]
fn tells(echo: &Process) -> Result<(), Failed> {
    // Under nextest, the other processes of the run share `ECHO`.
    let shared = ECHO.id().filter(|_| std::env::var_os("NEXTEST").is_none());
    for pid in echo.id().into_iter().chain(shared) {
        println!("server {pid}");
    }
    Ok(())
}

fn ends_as_a_failure() -> Result<(), Failed> {
    let (succeeded, said) = run("starts_not")?;
    assert!(!succeeded);
    assert!(said.contains("0 passed; 1 failed"), "{said}");
    assert!(said.contains("` is not in PATH"), "{said}");
    Ok(())
}

fn ends_its_servers() -> Result<(), Failed> {
    let (succeeded, said) = run("tells")?;
    assert!(succeeded);
    let servers: Vec<&str> = said
        .lines()
        .filter_map(|line| line.split("server ").nth(1))
        .collect();
    assert!(!servers.is_empty(), "{said}");
    for pid in servers {
        assert!(!Path::new("/proc").join(pid).exists(), "{pid} is left");
    }
    Ok(())
}

/// Runs a trial in a child. Returns whether it succeeded, and its output.
fn run(trial: &str) -> Result<(bool, String), Failed> {
    let mut this = Command::new(std::env::current_exe()?);
    let output = this.args(["--ignored", "--exact", trial]).output()?;
    Ok((output.status.success(), String::from_utf8(output.stdout)?))
}
