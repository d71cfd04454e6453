//! The search for forbidden lines in a file of output, from one allowance to the next.

use std::time::Instant;

use crate::guard::Allowed;
use crate::output::{Pattern, Scan};

/// How much of the end to search after the deadline: a program that breaks says why at the end.
const LAST: u64 = 256 << 10;

/// A search through the output, from one allowance to the next.
pub(super) struct Sections<'a, F> {
    scan: Scan,
    end: u64,
    allowances: &'a [Allowed],
    /// Returns the place of an allowance in the searched file.
    place: F,
    /// The patterns that are allowed in this section.
    allowed: Vec<Pattern>,
    /// Patterns whose allowance has ended within the line of this number. They hold to its end.
    ending: Vec<(u64, Pattern)>,
    /// Where the section begins in the log.
    begin: u64,
    /// When to leave out all but the end. `None` after that.
    deadline: Option<Instant>,
    is_over: bool,
}

impl<'a, F: Fn(&Allowed) -> u64> Sections<'a, F> {
    pub(super) fn new(
        scan: Scan,
        allowances: &'a [Allowed],
        place: F,
        deadline: Instant,
    ) -> Sections<'a, F> {
        Sections {
            // A program that writes without pause must not keep the test here.
            end: scan.length(),
            scan,
            allowances,
            place,
            allowed: Vec::new(),
            ending: Vec::new(),
            begin: 0,
            deadline: Some(deadline),
            is_over: false,
        }
    }

    /// Returns the next line that matches and is not allowed.
    pub(super) fn next(&mut self, patterns: &[Pattern]) -> Option<Vec<u8>> {
        while !self.is_over {
            let next = self.allowances.first();
            let until = next.map_or(self.end, |it| (self.place)(it).min(self.end));
            let line = self.scan.next(patterns, until, self.deadline);
            if line.as_ref().is_some_and(|line| !self.allows(line)) {
                return line;
            }
            // Also between two lines of a chunk: it may have thousands that match and are allowed.
            if self.deadline.is_some_and(|it| Instant::now() >= it) {
                self.deadline = None;
                self.scan.skip_to(self.end.saturating_sub(LAST));
                continue;
            }
            match (line, next) {
                (Some(_), _) => {}
                (None, Some(next)) => self.pass(next),
                (None, None) => self.is_over = true,
            }
        }
        let last = self.scan.last(patterns)?;
        (!self.allows(&last)).then_some(last)
    }

    /// Returns where the section of the last line begins in the log.
    pub(super) fn begin(&self) -> u64 {
        self.begin
    }

    /// Returns a position of the file before the last line.
    pub(super) fn before_line(&self) -> u64 {
        self.scan.before_line()
    }

    /// Returns the number of bytes that were not searched.
    pub(super) fn left_out(&self) -> u64 {
        self.scan.left_out()
    }

    fn allows(&self, line: &[u8]) -> bool {
        let taken = self.scan.taken();
        let ending = self.ending.iter().filter(|(number, _)| *number == taken);
        let mut allowed = self.allowed.iter().chain(ending.map(|(_, it)| it));
        allowed.any(|it| it.is_match(line))
    }

    fn pass(&mut self, next: &Allowed) {
        self.allowances = &self.allowances[1..];
        self.begin = next.log;
        if next.begins {
            self.allowed.extend(Pattern::new(&next.pattern));
            return;
        }
        let mut allowed = self.allowed.iter();
        if let Some(at) = allowed.position(|it| it.as_str() == next.pattern) {
            let ended = self.allowed.remove(at);
            self.ending
                .extend(self.scan.unfinished().map(|number| (number, ended)));
        }
    }
}
