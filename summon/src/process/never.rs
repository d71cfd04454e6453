//! Lines that a process must not write while a test uses it.

use std::time::{Duration, Instant};

use super::launched::Launched;
use super::parts::Parts;
use super::window::Window;
use crate::error::{Error, Excerpt, Source as _};
use crate::guard::Allowed;
use crate::never::PANIC;
use crate::output::{self, Pattern, Scan};
use crate::sys::signal::how_it_ended;

/// How much of a line a report quotes.
const QUOTED: usize = 300;

/// The first forbidden line of a window.
struct Found {
    line: Vec<u8>,
    pattern: String,
    /// The number of further such lines.
    more: usize,
    /// The place of the line in the log with the lines around it, unless the log was cut there.
    around: Option<(u64, Excerpt)>,
}

impl Parts {
    /// Like `check_never`, for the test that has started the process.
    pub(super) fn check_never_of(&self, launched: &Launched) -> Result<(), Error> {
        match &launched.window {
            Some(window) => self.check_never(launched, window),
            None => Ok(()),
        }
    }

    /// Returns an error if the window has a line that must not be there.
    pub(super) fn check_never(&self, launched: &Launched, window: &Window) -> Result<(), Error> {
        match window.judge() {
            true => self.never_error(launched, window).map_or(Ok(()), Err),
            false => Ok(()),
        }
    }

    /// Returns the error by which the stop of this process will fail, so far.
    pub(super) fn pending_never(&self) -> Option<Error> {
        let launched = self.life.launched()?;
        self.look_never(&launched, launched.window.as_ref()?)
    }

    /// Returns the error of `check_never`, and does not judge the window.
    pub(super) fn look_never(&self, launched: &Launched, window: &Window) -> Option<Error> {
        match window.is_judged() {
            true => None,
            false => self.never_error(launched, window),
        }
    }

    fn never_error(&self, launched: &Launched, window: &Window) -> Option<Error> {
        let mut found = self.forbidden(launched, window)?;
        let now = Instant::now();
        let ago = |at| {
            format!(
                "{} before its test ended",
                seconds(now.saturating_duration_since(at))
            )
        };
        let headline = format!("{} wrote a line that `never` forbids", self.name());
        let error = self
            .declaration
            .error_as_launched(headline, &launched.invocation)
            .fact("never", found.told(launched, ago));
        let error = match launched.guarded.state().exit {
            Some(status) => error.fact("ended", format!("it {}", how_it_ended(status))),
            None => error,
        };
        let error = launched.with_output(error.hints([self.hint_at_allowing(&found)]));
        Some(match found.around.take() {
            Some((_, excerpt)) => error.excerpt(excerpt),
            None => error,
        })
    }

    /// Returns what the report of a failed test says about the first such line in the window.
    pub(super) fn told_never(
        &self,
        launched: &Launched,
        window: &Window,
        ago: impl Fn(Instant) -> Duration,
    ) -> Option<String> {
        let found = window.judge().then(|| self.forbidden(launched, window))??;
        let ago = |at| format!("{} before this test failed", seconds(ago(at)));
        Some(found.told(launched, ago))
    }

    /// Returns the first forbidden line of a window.
    fn forbidden(&self, launched: &Launched, window: &Window) -> Option<Found> {
        let patterns = self.declaration.never();
        if patterns.is_empty() {
            return None;
        }
        // Everything from before this call is then in the log, and all allowances are known.
        launched.guarded.catch_up();
        let allowed = launched.guarded.allowed();
        let (log, begun) = (launched.home.log(), window.begun);
        let mut found: Option<Found> = None;
        for (index, (written, from)) in launched
            .home
            .written(begun.log, begun.streams)
            .into_iter()
            .enumerate()
        {
            let place = |it: &Allowed| match begun.streams {
                Some(_) => it.streams[index],
                None => it.log,
            };
            let mut sections = Sections::new(Scan::new(written, from), &allowed, place);
            while let Some((line, after)) = sections.next(&patterns) {
                if let Some(found) = &mut found {
                    found.more += 1;
                    continue;
                }
                let pattern = patterns.iter().find(|it| it.is_match(&line));
                let around = |from| output::around(log.file(), from, &line);
                found = Some(Found {
                    pattern: pattern.map_or("", Pattern::as_str).to_owned(),
                    more: 0,
                    around: around(after.max(begun.log)).or_else(|| around(begun.log)),
                    line,
                });
            }
        }
        found
    }

    fn hint_at_allowing(&self, found: &Found) -> String {
        let name = self.name();
        let allow =
            format!("if the test provokes it, allow it there: `{name}.allows(\"..\", || ..)`");
        match found.pattern == PANIC {
            true => format!("{allow}; `never = false` allows all panics of this program"),
            false => allow,
        }
    }
}

/// A search through the output, from one allowance to the next.
struct Sections<'a, F> {
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
    is_over: bool,
}

impl<'a, F: Fn(&Allowed) -> u64> Sections<'a, F> {
    fn new(scan: Scan, allowances: &'a [Allowed], place: F) -> Self {
        Sections {
            // A program that writes without pause must not keep the test here.
            end: scan.length(),
            scan,
            allowances,
            place,
            allowed: Vec::new(),
            ending: Vec::new(),
            begin: 0,
            is_over: false,
        }
    }

    /// Returns the next line that matches and is not allowed, and an offset of the log before it.
    fn next(&mut self, patterns: &[Pattern]) -> Option<(Vec<u8>, u64)> {
        while !self.is_over {
            let next = self.allowances.first();
            let until = next.map_or(self.end, |it| (self.place)(it).min(self.end));
            while let Some(line) = self.scan.next(patterns, until) {
                if !self.allows(&line) {
                    return Some((line, self.begin));
                }
            }
            match next {
                Some(next) => self.pass(next),
                None => self.is_over = true,
            }
        }
        let last = self.scan.last(patterns)?;
        (!self.allows(&last)).then_some((last, self.begin))
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

impl Found {
    /// Describes the line, and when it came.
    fn told(&self, launched: &Launched, ago: impl Fn(Instant) -> String) -> String {
        let line = &self.line[..self.line.len().min(QUOTED)];
        let cut = if line.len() < self.line.len() {
            ".."
        } else {
            ""
        };
        let line = String::from_utf8_lossy(line);
        let at = self
            .around
            .as_ref()
            .and_then(|(at, _)| launched.guarded.written_at(*at));
        let when = at.map_or_else(String::new, |at| format!(", {}", ago(at)));
        let more = match self.more {
            0 => String::new(),
            1 => "\n1 more such line came later".to_owned(),
            more => format!("\n{more} more such lines came later"),
        };
        format!("`{line}{cut}` matches `{}`{when}{more}", self.pattern)
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
