//! The history of a link, for the report of a failed test and for the trace.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::fault;
use crate::guard::Faults;
use crate::panicked::Failure;
use crate::trace::LinkStory;

/// The maximum number of events in a report.
const MOST: usize = 8;

#[derive(Debug)]
pub(super) struct History {
    events: VecDeque<(Instant, String)>,
    /// The number of older events.
    older: usize,
    story: LinkStory,
}

impl History {
    /// Begins the history of a link to this server.
    pub(super) fn new(server: &str, port: u16) -> History {
        History {
            events: VecDeque::new(),
            older: 0,
            story: LinkStory::begin(server, port),
        }
    }

    /// Notes a change. `faults` are in force now, and the nodes with these names are separated.
    pub(super) fn note(&mut self, what: &str, faults: &Faults, separated: &str) {
        let mut all = fault::all(faults);
        if !separated.is_empty() {
            let comma = if all.is_empty() { "" } else { ", " };
            all += &format!("{comma}separated from {separated}");
        }
        self.story.tell(&all);
        self.events.push_back((Instant::now(), what.to_owned()));
        if self.events.len() > MOST {
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
        let mut lines: Vec<String> = before.map(line).collect();
        let older = self.older;
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
