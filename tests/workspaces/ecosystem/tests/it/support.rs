//! Helpers that show whether a server is alive.

use std::fs;
use std::panic::Location;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use summon::{Error, Executor, Process};
use summon_ecosystem::ask;

/// A process that can't be mistaken for a later process with the same pid.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Life {
    pub(crate) pid: u32,
    pub(crate) began: String,
}

impl Life {
    pub(crate) fn of(pid: u32) -> Option<Life> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<&str> = stat[stat.rfind(')')? + 2..].split(' ').collect();
        // A zombie has ended.
        (fields[0] != "Z").then(|| Life {
            pid,
            began: fields[19].to_owned(),
        })
    }

    pub(crate) fn goes_on(&self) -> bool {
        Life::of(self.pid).as_ref() == Some(self)
    }
}

/// The variable that is set when tests run one by one.
pub(crate) const ONE_BY_ONE: &str = "SUMMON_ECOSYSTEM_ONE_BY_ONE";

/// The servers of the earlier tests, when tests run one by one.
static BEFORE: Mutex<Vec<Life>> = Mutex::new(Vec::new());

/// Checks that a test's server serves. When tests run one by one, also checks that the servers of
/// earlier tests have ended.
#[track_caller]
pub(crate) fn serves(echo: &Process) {
    assert!(echo.is_running());
    assert_eq!(ask(echo.addr(), "hello").unwrap(), "hello");
    let life = Life::of(echo.id().unwrap()).unwrap();
    if std::env::var_os(ONE_BY_ONE).is_some() {
        let caller = Location::caller();
        let (file, line) = (caller.file(), caller.line());
        println!("served at {file}:{line} by {} {}", life.pid, life.began);
        let mut before = BEFORE.lock().unwrap();
        assert!(before.iter().all(|life| !life.goes_on()));
        before.push(life);
    }
}

/// The events, in order.
pub(crate) type Notes = Mutex<Vec<&'static str>>;

pub(crate) fn note(notes: &Notes, what: &'static str) {
    notes.lock().unwrap().push(what);
}

/// An executor that starts nothing, and notes each call.
pub(crate) struct Noting(&'static Notes);

impl Noting {
    pub(crate) fn new(notes: &'static Notes) -> Noting {
        Noting(notes)
    }
}

impl Executor for Noting {
    fn start(&self) -> Result<(), Error> {
        note(self.0, "start");
        Ok(())
    }

    fn stop(&self) -> Result<(), Error> {
        note(self.0, "stop");
        Ok(())
    }
}

/// Waits until the condition is true. The limit suits a machine under heavy load.
#[track_caller]
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < limit, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
