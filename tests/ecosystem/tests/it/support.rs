//! What shows that a server is there, and that one is no more.

use std::fs;
use std::panic::Location;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use summon::{Error, Executor, Process};
use summon_ecosystem::ask;

/// A process that can't be mistaken for a later one of the same pid.
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

/// Said when tests run one by one.
pub(crate) const ONE_BY_ONE: &str = "SUMMON_ECOSYSTEM_ONE_BY_ONE";

/// The servers of the tests before, when tests run one by one.
static BEFORE: Mutex<Vec<Life>> = Mutex::new(Vec::new());

/// Shows that a test's own server serves and, when tests run one by one, that those of the tests
/// before have ended with them.
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

/// What has happened, in its order.
pub(crate) type Notes = Mutex<Vec<&'static str>>;

pub(crate) fn note(notes: &Notes, what: &'static str) {
    notes.lock().unwrap().push(what);
}

/// An executor that starts nothing, and notes when it should.
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

/// Waits for a condition. The limit is for a machine that does many other things.
#[track_caller]
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < limit, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
