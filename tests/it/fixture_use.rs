//! Fixtures as tests use them: first use in any order, circles, and a setup that fails.

use std::process::Command;

use crate::support::ACTOR;

#[summon::fixture(simple = "sleep 1000", args(["{SECOND.port}"]))]
static FIRST: summon::Fixture;

#[summon::fixture(simple = "sleep 1000", env("THIRD", "{THIRD.port}"))]
static SECOND: summon::Fixture;

#[summon::fixture(simple = "sleep 1000", setup = |_| FIRST.get().map(drop))]
static THIRD: summon::Fixture;

#[test]
fn a_circle_is_told_whoever_comes_first() {
    std::thread::scope(|threads| {
        let all = [&FIRST, &SECOND, &THIRD, &FIRST, &SECOND, &THIRD];
        let asked = all.map(|fixture| threads.spawn(|| fixture.get().unwrap_err().to_string()));
        for error in asked.map(|asked| asked.join().unwrap()) {
            let circle = |names: &str| {
                let first = names.split(' ').next().unwrap_or_default();
                error.contains(&format!(
                    "these fixtures wait for each other: {names} -> {first}"
                ))
            };
            let first = circle("FIRST -> SECOND -> THIRD");
            let second = circle("SECOND -> THIRD -> FIRST");
            let third = circle("THIRD -> FIRST -> SECOND");
            assert!(first || second || third, "{error}");
        }
    });
}

#[summon::fixture(output = [ACTOR, "say", "up"], banner = "up", setup = refuse)]
static REFUSED: summon::Fixture;

fn refuse(process: &summon::Process) -> Result<(), String> {
    Err(format!("no seed for {}", process.name()))
}

#[summon::fixture(output = [ACTOR, "say", "up"], banner = "up", setup = panic)]
static PANICKED: summon::Fixture;

fn panic(_: &summon::Process) -> Result<(), String> {
    panic!("this panic is part of a test");
}

#[test]
fn a_setup_that_fails_fails_all_with_the_same_report() {
    let error = REFUSED.get().unwrap_err().to_string();
    assert!(
        error.starts_with("the setup of REFUSED failed: no seed for REFUSED\n"),
        "{error}"
    );
    assert!(error.contains("\n            | up"), "{error}");
    assert_eq!(REFUSED.get().unwrap_err().to_string(), error);
    let error = PANICKED.get().unwrap_err().to_string();
    assert!(
        error.starts_with("the setup of PANICKED panicked\n"),
        "{error}"
    );
    // The error contains the message of the panic, since other tests and processes get this error,
    // too.
    assert!(
        error.contains("\n  panic     this panic is part of a test\n"),
        "{error}"
    );
    // The error shows the command with its arguments.
    let command = format!("\n  command   {ACTOR} say up\n  directory /");
    assert!(error.contains(&command), "{error}");
}

#[summon::fixture(output = [ACTOR, "say", "up"], banner = "up", env("A", "b"))]
static SERVER: summon::Fixture;

#[summon::summon(fixture = SERVER)]
#[tokio::test]
async fn in_async_tests(server: &summon::Process) {
    tokio::task::yield_now().await;
    assert_eq!(server.output(), b"up\n");
    assert_eq!((SERVER.name(), SERVER.id()), ("SERVER", server.id()));
}

/// The setup has a name that users choose too. An expansion must not hide it.
fn setup(_: &summon::Process) -> Result<(), String> {
    Ok(())
}

fn make() -> summon::SimpleExecutor {
    summon::SimpleExecutor::new("sleep 1000")
}

#[summon::fixture(executor = make(), setup = setup)]
static NAMED: summon::Fixture;

#[test]
fn its_expansion_hides_no_names() {
    assert!(NAMED.is_running());
    let again = NAMED.start().unwrap_err();
    assert!(
        again
            .to_string()
            .contains("NAMED is a fixture, which is started once"),
        "{again}"
    );
}

#[summon::fixture(simple = "sleep 1000")]
static OF_BINARY: summon::Fixture;

#[summon::fixture(simple = "sleep 1000", env("A", "{OF_BINARY.port}"), scope = "run")]
static OF_RUN: summon::Fixture;

#[test]
fn one_of_the_run_can_not_need_one_of_the_binary() {
    let error = OF_RUN.get().unwrap_err().to_string();
    assert!(
        error.contains("OF_RUN, a fixture of the run, refers to OF_BINARY"),
        "{error}"
    );
}

// A literal would be an error at compile time.
#[summon::fixture(simple = concat!("sleep ", "{nonsense}"), scope = "run")]
static NONSENSE: summon::Fixture;

#[test]
fn what_can_not_be_started_keeps_nobody_waiting() {
    let error = NONSENSE.get().unwrap_err().to_string();
    assert!(
        error.contains("`{nonsense}` is not a placeholder"),
        "{error}"
    );
    // Another process of the run gets the same error at once. Without it, that process would wait
    // for ten minutes.
    let other = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "fixture_use::run_by_another_and_asks_too",
            "--ignored",
        ])
        .output()
        .unwrap();
    assert!(
        other.status.success(),
        "{}",
        String::from_utf8_lossy(&other.stdout)
    );
}

#[test]
#[ignore = "another test runs it"]
fn run_by_another_and_asks_too() {
    let error = NONSENSE.get().unwrap_err().to_string();
    assert!(
        error.contains("`{nonsense}` is not a placeholder"),
        "{error}"
    );
}

mod apart {
    #[summon::fixture(output = [super::ACTOR, "say", "up"], banner = "up", setup = other)]
    pub(super) static SERVER: summon::Fixture;

    fn other(server: &summon::Process) -> std::io::Result<()> {
        std::fs::write(server.dir().join("other"), "")
    }
}

#[test]
fn those_of_one_name_but_another_setup_are_two() {
    assert_ne!(apart::SERVER.id(), SERVER.id());
    assert!(apart::SERVER.dir().join("other").exists());
}

#[summon::fixture(simple = "sleep 1000")]
static FORKED: summon::Fixture;

#[test]
#[expect(unsafe_code, reason = "some tests fork")]
fn a_child_that_is_forked_and_exits_stops_nothing() {
    let pid = FORKED.id();
    // SAFETY: the child only exits, with all exit hooks, as a user's child might.
    match unsafe { libc::fork() } {
        0 => std::process::exit(0),
        child => {
            let mut status = 0;
            // SAFETY: the pid is a child of this process, and `status` is a valid place.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        }
    }
    assert_eq!(FORKED.id(), pid);
    assert!(FORKED.is_running());
}

#[summon::fixture(
    output = [ACTOR, "say", "up", "await", "{dir}/go", "exit", "7"],
    banner = "up",
    setup = |server| {
        std::fs::write(server.dir().join("go"), "")?;
        std::thread::park_timeout(std::time::Duration::from_millis(1));
        while server.is_running() {
            std::thread::yield_now();
        }
        Err::<(), _>(std::io::Error::other("no connection"))
    }
)]
static DIES: summon::Fixture;

#[test]
fn a_setup_whose_server_dies_says_so() {
    let error = DIES.get().unwrap_err().to_string();
    assert!(
        error.contains("\n  ended     it exited with code 7\n"),
        "{error}"
    );
}

#[summon::summon(fixture = SERVER)]
#[summon::summon(simple = "no-such-program {SERVER.port}", named = "other")]
#[test]
#[ignore = "another test runs it, and reads what it says"]
fn run_by_another_and_lacks_a_program(_: &summon::Process, _: &summon::Process) {}

#[test]
#[ignore = "another test runs it, and reads what it says"]
fn run_by_another_and_uses_one_that_is_refused() {
    let _ = REFUSED.id();
}

fn said_by(test: &str) -> String {
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--nocapture", "--exact", test])
        .output()
        .unwrap();
    String::from_utf8_lossy(&run.stderr).into_owned()
}

#[test]
fn one_of_a_set_is_left_to_others_when_another_member_fails() {
    let said = said_by("fixture_use::run_by_another_and_lacks_a_program");
    assert!(
        said.contains("\n  set       started, left to other tests: SERVER\n"),
        "{said}"
    );
}

#[test]
fn a_use_in_vain_panics_where_the_test_uses_it() {
    let said = said_by("fixture_use::run_by_another_and_uses_one_that_is_refused");
    assert!(
        said.contains("panicked at tests/it/fixture_use.rs:"),
        "{said}"
    );
}

#[summon::fixture(simple = "sleep 1000", named("x".repeat(200)), scope = "run")]
static LONG: summon::Fixture;

#[test]
fn a_long_name_leaves_its_guard_the_mark_of_a_fixture() {
    let ps = |format: &str, pid: &str| {
        let output = Command::new("ps")
            .args(["-ww", "-o", format, "-p", pid])
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let pid = LONG.id().unwrap().to_string();
    let guard = ps("ppid=", &pid);
    let title = ps("args=", guard.trim());
    assert!(title.starts_with("summon-guard, a fixture: xxx"), "{title}");
    assert_eq!(ps("comm=", guard.trim()).trim(), "summon-guard");
}
