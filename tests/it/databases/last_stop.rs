//! The last stop of a PostgreSQL is immediate, since its files are removed. A stop that a start may follow
//! keeps the data whole.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use summon::servers::Postgres;
use summon::{Database, Fixture, Signal, summon};

use crate::memory::{files_of, segments_of};
use crate::support::{TempDir, eventually, under_cargo};

const IMMEDIATE: &str = "received immediate shutdown request";
const FAST: &str = "received fast shutdown request";

/// The server then has files in shared memory.
const POSIX: [&str; 2] = ["-c", "dynamic_shared_memory_type=posix"];

/// Tells the test that runs this one what must go.
fn tell(pg: &Postgres) {
    let pid = pg.id().unwrap();
    let files = files_of(pid);
    assert_eq!((segments_of(pid).len(), files.is_empty()), (1, false));
    // With clones ahead, and connections of the guard.
    let _db = pg.database().unwrap();
    println!("<{pid}>{}", pg.dir().display());
    files.iter().for_each(|it| println!("<>{}", it.display()));
}

#[summon(executor = Postgres::new(), args = POSIX)]
#[test]
#[ignore = "another test runs it, and looks at what it leaves"]
fn run_by_another_and_declares_it(pg: &Postgres) {
    tell(pg);
}

#[summon(executor = Postgres::new(), args = POSIX, stop_signal = Signal::INT)]
#[test]
#[ignore = "another test runs it, and looks at what it leaves"]
fn run_by_another_and_declares_it_with_a_signal(pg: &Postgres) {
    tell(pg);
}

#[test]
#[ignore = "another test runs it, and looks at what it leaves"]
fn run_by_another_and_drops_it() {
    let pg = Postgres::new().args(POSIX);
    pg.start().unwrap();
    tell(&pg);
}

#[summon::fixture(executor = Postgres::new(), args = POSIX)]
static PG: Fixture<Postgres>;

#[summon(database = PG)]
#[test]
#[ignore = "another test runs it, and looks at what it leaves"]
fn run_by_another_and_shares_it(_db: &Database) {
    tell(&PG);
}

#[summon(executor = Postgres::new(), args = POSIX)]
#[test]
#[ignore = "another test runs it, and looks at what it leaves"]
fn run_by_another_and_dies(pg: &Postgres) {
    tell(pg);
    std::process::abort();
}

/// Returns the log of the server of such a test. Nothing else of the server is left.
fn log_of(test: &str) -> String {
    let logs = TempDir::new();
    let test = format!("databases::last_stop::run_by_another_and_{test}");
    let dir = TempDir::new();
    let ran = under_cargo(&dir)
        .args(["--exact", &test, "--ignored", "--nocapture"])
        .env("SUMMON_LOG_DIR", logs.path())
        .env("SUMMON_KEEP", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    let told = said
        .lines()
        .filter_map(|line| line[line.find('<')? + 1..].split_once('>'));
    let told: Vec<_> = told.collect();
    let pid = told.first().expect(&said).0.parse().unwrap();
    eventually("the server ends", || {
        !Path::new(&format!("/proc/{pid}")).exists()
    });
    assert_eq!(segments_of(pid), Vec::<String>::new());
    for (_, path) in &told {
        eventually("its files go", || !Path::new(path).exists());
    }
    let log = || {
        let sessions = fs::read_dir(logs.path()).unwrap().flatten();
        let files = sessions.flat_map(|it| fs::read_dir(it.path()).unwrap().flatten());
        let logs = files.map(|it| it.path());
        let logs = logs.filter(|path| path.extension().is_some_and(|it| it == "log"));
        logs.map(|path| fs::read_to_string(path).unwrap())
            .collect::<String>()
    };
    eventually("the log is complete", || log().contains("shutdown request"));
    log()
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn is_immediate_and_leaves_nothing() {
    for test in ["declares_it", "drops_it", "shares_it", "dies"] {
        let log = log_of(test);
        assert!(log.contains(IMMEDIATE), "{test}: {log}");
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn has_the_signal_of_the_user() {
    let log = log_of("declares_it_with_a_signal");
    assert!(log.contains(FAST), "{log}");
}

#[summon(executor = Postgres::new())]
#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn is_not_that_of_a_server_that_starts_again(pg: &Postgres) {
    pg.restart().unwrap();
    pg.stop().unwrap();
    pg.start().unwrap();
    let said = String::from_utf8_lossy(&pg.output()).into_owned();
    assert!(!said.contains(IMMEDIATE), "{said}");
    assert!(!said.contains("was not properly shut down"), "{said}");
}
