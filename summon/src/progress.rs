//! Messages about long waits, so that users do not think that a test hangs.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::error::escaped;

/// The time until the first message about a wait. Each further message comes after ten times the wait
/// so far.
const SILENT: Duration = Duration::from_secs(2);

/// Prints a message to stderr, past the output capture of test harnesses.
pub(crate) fn say(what: &str) {
    // libtest captures the output of `eprintln`, and shows it only if the test fails. One write, so
    // that lines of other threads and processes do not land within this line.
    let _ = io::stderr().write_all(format!("summon: {}\n", escaped(what)).as_bytes());
}

/// The schedule of messages about one wait.
#[derive(Debug)]
pub(crate) struct Progress {
    began: Instant,
    due: Instant,
}

impl Progress {
    pub(crate) fn new(began: Instant) -> Progress {
        Progress {
            began,
            due: began + SILENT,
        }
    }

    /// Returns the time of the next message.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now >= self.due
    }

    /// Prints a message about the wait, and schedules the next.
    pub(crate) fn say(&mut self, what: &str) {
        say(what);
        let now = Instant::now();
        self.due = now + (now - self.began) * 9;
    }
}
