//! A wait that takes long is told to the user, who may think otherwise that everything hangs.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::error::escaped;

/// A wait is told after so long, and again each time that it has taken ten times longer.
const SILENT: Duration = Duration::from_secs(2);

/// Says something to the user, whatever a test harness does with what tests print.
pub(crate) fn say(what: &str) {
    // Not by a macro, whose output a harness keeps to itself until the test has failed; in one
    // write, since others say something too.
    let _ = io::stderr().write_all(format!("summon: {}\n", escaped(what)).as_bytes());
}

/// How long a wait has taken, and when to say so.
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

    /// When to say something.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now >= self.due
    }

    /// Says what is waited for, on stderr.
    pub(crate) fn say(&mut self, what: &str) {
        say(what);
        let now = Instant::now();
        self.due = now + (now - self.began) * 9;
    }
}
