//! The history of a link, for the report of a failed test.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::panicked::Failure;

/// The maximum number of events in a report.
const MOST: usize = 8;

#[derive(Debug, Default)]
pub(super) struct History {
    events: VecDeque<(Instant, String)>,
    count: usize,
}

impl History {
    pub(super) fn note(&mut self, what: &str) {
        self.events.push_back((Instant::now(), what.to_owned()));
        self.count += 1;
        if self.events.len() > MOST {
            self.events.pop_front();
        }
    }

    /// Returns the events with their times before the failure, one in each line.
    pub(super) fn report(&self, failed: &Failure) -> Option<String> {
        let line = |(at, what): &(Instant, String)| {
            let before = shown(failed.after(*at));
            format!("{what} {before} before this test failed")
        };
        let mut lines: Vec<String> = self.events.iter().map(line).collect();
        let older = self.count - lines.len();
        if older > 0 {
            lines.insert(0, format!("{older} changes before these"));
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
