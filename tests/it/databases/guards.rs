//! Databases of a server whose guard or warden was killed, and of a fixture that has ended.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use summon::servers::Postgres;
use summon::{Database, Error, Fixture};

use super::connect;
use crate::memory::segments_of;
use crate::support::{Life, TempDir, against_the_warden, eventually, parent, under_cargo};

/// How long a test waits at most for an error that is known.
const SOON: Duration = Duration::from_secs(5);

fn kill(pid: u32) {
    let life = Life::of(pid).unwrap();
    let sent = Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .status();
    assert!(sent.unwrap().success());
    eventually("the end of a killed process", || !life.goes_on());
}

/// Checks that nothing of a server is left.
fn check_gone(pid: u32, dir: &Path) {
    eventually("the server ends", || Life::of(pid).is_none());
    eventually("its memory goes", || segments_of(pid).is_empty());
    eventually("its directory goes", || !dir.exists());
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn a_killed_warden_fails_no_test_and_leaves_nothing() {
    let _warden = against_the_warden();
    let pg = Postgres::new();
    pg.start().unwrap();
    let db = pg.database().unwrap();
    let (pid, dir) = (pg.id().unwrap(), pg.dir().to_owned());
    let warden = parent(parent(pid));
    assert!(Life::of(warden).unwrap().what.starts_with("summon-warden"));
    kill(warden);
    connect(&db.url());
    drop(db);
    connect(&pg.database().unwrap().url());
    drop(pg);
    check_gone(pid, &dir);
}

/// Checks that an error comes soon, and says that a guard was killed.
fn check_error(of: &str, database: impl FnOnce() -> Result<Database, Error>) {
    let began = Instant::now();
    let error = database().unwrap_err().to_string();
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    let headline = error.lines().next().unwrap();
    assert!(
        headline.starts_with(&format!("{of} has no database for ")),
        "{error}"
    );
    assert!(headline.ends_with(": its guard was killed"), "{error}");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn a_killed_guard_is_an_error_at_once_and_leaves_nothing() {
    let pg = Postgres::new();
    pg.start().unwrap();
    let db = pg.database().unwrap();
    let (pid, dir) = (pg.id().unwrap(), pg.dir().to_owned());
    kill(parent(pid));
    for _ in 0..2 {
        check_error("postgres", || pg.database());
    }
    drop((db, pg));
    check_gone(pid, &dir);
}

#[summon::fixture(executor = Postgres::new(), template = kill_guard)]
static KILLED: Fixture<Postgres>;

fn kill_guard(db: &Database) -> Result<(), String> {
    kill(parent(db.server().id().unwrap()));
    Ok(())
}

#[test]
#[ignore = "another test runs it, and looks at what it leaves"]
fn run_by_another_and_kills_the_guard_while_tests_wait() {
    println!("<{} {}>", KILLED.id().unwrap(), KILLED.dir().display());
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| check_error("KILLED", || KILLED.database()));
        }
    });
}

/// Runs such a test. Returns all that it says.
fn said_by(test: &str) -> String {
    let test = format!("databases::guards::run_by_another_and_{test}");
    let dir = TempDir::new();
    let ran = under_cargo(&dir)
        .args(["--exact", &test, "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = [ran.stdout, ran.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(ran.status.success(), "{said}");
    said
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn a_guard_that_is_killed_while_tests_wait_is_an_error_at_once() {
    let said = said_by("kills_the_guard_while_tests_wait");
    let told = said.split(['<', '>']).nth(1).unwrap();
    let (pid, dir) = told.split_once(' ').unwrap();
    check_gone(pid.parse().unwrap(), Path::new(dir));
}

#[summon::fixture(executor = Postgres::new())]
static PG: Fixture<Postgres>;

extern "C" fn ask_after_the_end() {
    let began = Instant::now();
    let error = PG.database().unwrap_err();
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    eprintln!("<{error}>");
}

#[test]
#[ignore = "another test runs it, and reads what it says"]
fn run_by_another_and_asks_after_the_end() {
    // The hook of the fixture comes later, and so runs earlier.
    // SAFETY: the function is there until the process ends.
    #[expect(unsafe_code, reason = "std has no exit hooks")]
    let added = unsafe { libc::atexit(ask_after_the_end) };
    assert_eq!(added, 0);
    drop(PG.database().unwrap());
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn a_fixture_that_has_ended_has_no_databases_and_says_so() {
    let said = said_by("asks_after_the_end");
    let why = "<PG has no database for main: the fixture has ended, as this process ends\n";
    assert!(said.contains(why), "{said}");
}
