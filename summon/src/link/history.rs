//! The history of a link, for the report of a failed test and for the trace.

use std::collections::VecDeque;
use std::mem;
use std::time::{Duration, Instant};

use super::fault;
use crate::guard::Faults;
use crate::panicked::Failure;
use crate::trace::LinkStory;

/// The maximum number of events in a report.
const MOST: usize = 8;
/// How many events are kept. Closures that unwind add events after the failure, which no report has.
const KEPT: usize = 64;

#[derive(Debug)]
pub(super) struct History {
    changes: Changes,
    story: LinkStory,
}

impl History {
    /// Begins the history of a link to this server.
    pub(super) fn new(server: &str, port: u16) -> History {
        History {
            changes: Changes::default(),
            story: LinkStory::begin(server, port),
        }
    }

    /// Notes a change. `faults` are in force now, and the nodes with these names are separated.
    pub(super) fn note(&mut self, what: &str, faults: &Faults, separated: &str) {
        self.story.tell(&fault::with_separated(faults, separated));
        self.changes.note(what);
    }

    /// Returns the changes with their times before the failure.
    pub(super) fn report(&self, failed: &Failure) -> Option<String> {
        self.changes.report(failed)
    }

    /// Takes the changes of a link that ends. `None` if its test has not changed it.
    pub(super) fn end(&mut self) -> Option<Changes> {
        let mut changes = mem::take(&mut self.changes);
        let is_changed = !changes.events.is_empty();
        changes.note("ended");
        is_changed.then_some(changes)
    }
}

/// What a test has done to a link.
#[derive(Debug, Default)]
pub(super) struct Changes {
    events: VecDeque<(Instant, String)>,
    /// The number of older events.
    older: usize,
}

impl Changes {
    fn note(&mut self, what: &str) {
        self.events.push_back((Instant::now(), what.to_owned()));
        if self.events.len() > KEPT {
            self.events.pop_front();
            self.older += 1;
        }
    }

    /// Returns the events with their times before the failure, one in each line. Leaves out the undoing
    /// of faults while the failed test unwinds.
    pub(super) fn report(&self, failed: &Failure) -> Option<String> {
        let line = |(at, what): &(Instant, String)| {
            let before = shown(failed.after(*at));
            format!("{what}, {before} before this test failed")
        };
        let before = self.events.iter().filter(|(at, _)| *at <= failed.time());
        let count = before.clone().count();
        let hidden = count.saturating_sub(MOST);
        let mut lines: Vec<String> = before.skip(hidden).map(line).collect();
        let older = self.older + hidden;
        if older > 0 {
            let changes = if older == 1 { "change" } else { "changes" };
            lines.insert(0, format!("{older} {changes} before these"));
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

fn shown(time: Duration) -> String {
    match time.as_millis() {
        millis @ ..10_000 => format!("{millis} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closures_that_unwind_after_the_failure_push_no_change_out() {
        let mut history = History::new("server", 1);
        let note = |history: &mut History, what: &str| history.note(what, &Faults::default(), "");
        for number in 0..10 {
            note(&mut history, &format!("change {number}"));
        }
        let failed = Failure {
            panic: None,
            seen: Instant::now(),
        };
        for _ in 0..8 {
            note(&mut history, "undone");
        }
        let report = history.report(&failed).unwrap();
        let lines: Vec<&str> = report.lines().collect();
        assert_eq!(lines.len(), 9, "{report}");
        assert_eq!(lines[0], "2 changes before these");
        assert!(lines[1].starts_with("change 2, ") && lines[8].starts_with("change 9, "));
    }
}
