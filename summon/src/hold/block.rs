//! The block that a person reads during a hold.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::time::Instant;

use super::nextest_limits;
use super::setting::{Setting, humantime};
use super::things::Shown;
use crate::error::{Error, shortened_to, shown_command};
use crate::session::HoldFile;

/// How much of a returned error the block has.
const LONGEST_ERROR: usize = 8 << 10;

/// A test that is held.
pub(super) struct Block<'t> {
    pub(super) test: &'t str,
    pub(super) begun: Instant,
    pub(super) has_failed: bool,
    /// The error that the test has returned.
    pub(super) error: Option<&'t str>,
    /// Whether the person can press Enter.
    pub(super) can_read: bool,
    /// The way on without a terminal.
    pub(super) file: Option<&'t HoldFile>,
}

impl Block<'_> {
    /// Returns what a person needs, in the form of a report. Writes it into the file, too.
    pub(super) fn of(&self, shown: Vec<Shown>, setting: &Setting) -> Error {
        let Block { test, begun, .. } = self;
        let how = if self.has_failed {
            "has failed"
        } else {
            "has passed"
        };
        let time = humantime(setting.limit);
        let mut block = Error::new(format!("{test} {how}, and summon holds it for {time}"));
        if let Some(error) = self.error {
            block = block.fact("error", shortened_to(LONGEST_ERROR, error.as_bytes()));
        }
        let named = shown.iter().filter_map(|it| it.process);
        let named = named.filter(|(_, is_implied)| !is_implied);
        let named: BTreeSet<usize> = named.map(|(process, _)| process).collect();
        for shown in shown {
            // The test may declare a fixture, and use its static, too.
            let is_twice = |(process, is_implied)| is_implied && named.contains(&process);
            if !shown.process.is_some_and(is_twice) {
                block = block.fact(shown.name, shown.lines.join("\n"));
            }
        }
        let block = nextest_limits::warning(test, *begun, setting.limit)
            .into_iter()
            .fold(block, |block, warning| block.fact("nextest", warning));
        let block = block.fact("go on", format!("{}; Ctrl-C ends the run", self.way_on()));
        if let Some(file) = self.file {
            file.describe(&format!("{block}\n"));
        }
        block
    }

    fn way_on(&self) -> String {
        match self.file {
            _ if self.can_read => "press Enter".to_owned(),
            Some(file) => {
                let path = file.path();
                let words = [OsStr::new("rm"), path.as_os_str()];
                format!("`{}`", shown_command(words))
            }
            None => format!("`kill {}` ends this test process", std::process::id()),
        }
    }
}
