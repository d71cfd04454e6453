//! Lines that a process must not write while a test uses it.

use std::time::{Duration, Instant};

use super::forbidden_search::Sections;
use super::launched::Launched;
use super::output_window::Window;
use super::parts::Parts;
use super::report::seconds;
use crate::error::{Error, Excerpt, Source as _, shortened_to};
use crate::guard::Allowed;
use crate::hold;
use crate::never::PANIC;
use crate::output::{self, Pattern, Scan};
use crate::progress;
use crate::sys::signal::how_it_ended;

/// How much of a line a report quotes.
const QUOTED: usize = 300;
/// How long the search at the end of a test may take. In a debug build it reads some tens of megabytes.
const LONGEST_SEARCH: Duration = Duration::from_secs(5);
/// How long the search for the lines around the found line may take. It needs a tenth of a second in a slow
/// debug build, and much more where many programs write.
const LONGEST_LOOK: Duration = Duration::from_secs(3);
/// A report counts so many lines at most.
const MOST: usize = 1000;

/// The first forbidden line of a window.
struct Found {
    line: Vec<u8>,
    pattern: String,
    /// The number of further such lines, up to `MOST`.
    more: usize,
    /// The number of bytes that were not searched.
    left_out: u64,
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
        if !window.judge() {
            return Ok(());
        }
        match self.search(launched, window) {
            Ok(0) => Ok(()),
            Ok(left_out) => {
                let name = self.full_name();
                progress::say(&format!("{name} wrote much: {}", not_searched(left_out)));
                Ok(())
            }
            Err(found) => Err(self.never_error(launched, found)),
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
            false => {
                let found = self.search(launched, window).err()?;
                Some(self.never_error(launched, found))
            }
        }
    }

    fn never_error(&self, launched: &Launched, mut found: Found) -> Error {
        let end = hold::end_of_test();
        let ago = |at| {
            format!(
                "{} before its test ended",
                seconds(end.saturating_duration_since(at))
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
        match found.around.take() {
            Some((_, excerpt)) => error.excerpt(excerpt),
            None => error,
        }
    }

    /// Returns what the report of a failed test says about the first such line in the window.
    pub(super) fn told_never(
        &self,
        launched: &Launched,
        window: &Window,
        ago: impl Fn(Instant) -> Duration,
    ) -> Option<String> {
        let ago = |at| format!("{} before this test failed", seconds(ago(at)));
        match window.judge().then(|| self.search(launched, window))? {
            Ok(0) => None,
            Ok(left_out) => Some(not_searched(left_out)),
            Err(found) => Some(found.told(launched, ago)),
        }
    }

    /// Searches a window for forbidden lines, and returns the first one. If there is none, returns the
    /// number of bytes that were not searched. However much was written, the search takes a moment.
    fn search(&self, launched: &Launched, window: &Window) -> Result<u64, Found> {
        let patterns = self.declaration.never();
        if patterns.is_empty() {
            return Ok(0);
        }
        // Everything from before this call is then in the log, and all allowances are known.
        launched.guarded.catch_up();
        let allowed = launched.guarded.allowed();
        let (log, begun) = (launched.home.log(), window.begun);
        let mut found: Option<Found> = None;
        let mut left_out = 0;
        let files = launched.home.written(begun.log, begun.streams);
        let longest = LONGEST_SEARCH / files.len() as u32;
        for (index, (written, from)) in files.into_iter().enumerate() {
            let is_log = begun.streams.is_none();
            let place = |it: &Allowed| match is_log {
                true => it.log,
                false => it.streams[index],
            };
            let scan = Scan::new(written, from);
            let mut sections = Sections::new(scan, &allowed, place, Instant::now() + longest);
            while let Some(line) = sections.next(&patterns) {
                if let Some(found) = &mut found {
                    found.more += 1;
                    match found.more < MOST {
                        true => continue,
                        false => break,
                    }
                }
                let pattern = patterns.iter().find(|it| it.is_match(&line));
                // The place in a stream is no place in the log.
                let near = if is_log { sections.before_line() } else { 0 };
                let deadline = Instant::now() + LONGEST_LOOK;
                let around = |from| output::around(log.file(), from, near, &line, deadline);
                let begin = sections.begin().max(begun.log);
                found = Some(Found {
                    pattern: pattern.map_or("", Pattern::as_str).to_owned(),
                    more: 0,
                    left_out: 0,
                    around: around(begin).or_else(|| around(begun.log)),
                    line,
                });
            }
            left_out += sections.left_out();
        }
        match found {
            Some(found) => Err(Found { left_out, ..found }),
            None => Ok(left_out),
        }
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

impl Found {
    /// Describes the line, and when it came.
    fn told(&self, launched: &Launched, ago: impl Fn(Instant) -> String) -> String {
        let line = shortened_to(QUOTED, &self.line);
        let at = self
            .around
            .as_ref()
            .and_then(|(at, _)| launched.guarded.written_at(*at));
        let when = at.map_or_else(String::new, |at| format!(", {}", ago(at)));
        let more = match self.more {
            0 => String::new(),
            1 => "\n1 more such line came later".to_owned(),
            MOST.. => format!("\nat least {MOST} more such lines came later"),
            more => format!("\n{more} more such lines came later"),
        };
        let left_out = match self.left_out {
            0 => String::new(),
            left_out => format!("\n{}", not_searched(left_out)),
        };
        let pattern = &self.pattern;
        format!("`{line}` matches `{pattern}`{when}{more}{left_out}")
    }
}

fn not_searched(bytes: u64) -> String {
    let megabytes = bytes as f64 / 1e6;
    format!("{megabytes:.1} MB of its output were not searched for lines that `never` forbids")
}
