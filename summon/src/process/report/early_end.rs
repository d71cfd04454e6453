//! Reports on a process that has ended unasked.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use super::seconds;
use crate::error::{Error, Source as _};
use crate::hold;
use crate::process::Process;
use crate::process::launched::{Launched, run_ended};
use crate::process::parts::Parts;
use crate::progress;
use crate::sys::signal::how_it_ended;
use crate::trace::Moment;

impl Parts {
    /// Prints a message if the process has ended unasked. Returns an error instead if it must live,
    /// or has forked away.
    pub(in crate::process) fn check_lived(&self, launched: &Launched) -> Result<(), Error> {
        match launched.is_expected_to_end() {
            true => Ok(()),
            false => self.check_had_lived(launched),
        }
    }

    /// Like `check_lived`, even if the end of the launch is expected by now.
    pub(in crate::process) fn check_had_lived(&self, launched: &Launched) -> Result<(), Error> {
        let Some((status, ago)) = self.died(launched) else {
            self.check_job(launched);
            return Ok(());
        };
        let left = launched.left_behind();
        // Report an end once. But report a fixture that has forked away in each test that uses it.
        if left.is_empty() || self.life.fixture().is_none() {
            launched.expect_end();
        }
        self.tell(Moment::Died(&how_it_ended(status), ago));
        let headline = self.death(status, ago);
        if self.declaration.spec.must_live || !left.is_empty() {
            let mut error = self.death_error(launched, status, ago);
            if !left.is_empty() {
                error = error.fact("hint", self.hint_at_daemon(&left));
            }
            return Err(launched.with_output(error));
        }
        // Keep the log, since the message names it.
        launched.home.share_log().name_it();
        let why = run_ended(&launched.guarded.state());
        let why = why.unwrap_or_else(|| "with `must_live = true` this is an error".to_owned());
        progress::say(&format!(
            "{headline} ({}, log {}); {why}",
            self.declaration.spec.declared,
            launched.home.log().path().display()
        ));
        Ok(())
    }

    /// Returns the error by which a check of `must_live` will fail, so far. Looks only at an end since
    /// `since`, if given.
    pub(in crate::process) fn pending_death(&self, since: Option<Instant>) -> Option<Error> {
        let launched = self.life.launched()?;
        if !self.declaration.spec.must_live || launched.is_expected_to_end() {
            return None;
        }
        launched.guarded.catch_up();
        let exited = launched.guarded.state().exited;
        if since.is_some_and(|since| exited.is_none_or(|at| at < since)) {
            return None;
        }
        let (status, ago) = self.died(&launched)?;
        let error = self.death_error(&launched, status, ago);
        Some(launched.with_output(error))
    }

    fn death(&self, status: ExitStatus, ago: Duration) -> String {
        let (name, how) = (self.name(), how_it_ended(status));
        format!("{name} {how} {} before its test ended", seconds(ago))
    }

    fn death_error(&self, launched: &Launched, status: ExitStatus, ago: Duration) -> Error {
        let headline = self.death(status, ago);
        let error = self
            .declaration
            .error_as_launched(headline, &launched.invocation);
        error.exit(Some(status))
    }

    /// Returns how the process ended, and how long before the stop began (or before now).
    fn died(&self, launched: &Launched) -> Option<(ExitStatus, Duration)> {
        let state = launched.guarded.state();
        let status = state.exit?;
        // The job is done.
        if status.success() && self.declaration.is_job() {
            return None;
        }
        let end = hold::end_of_test();
        let until = state.asked.map_or(end, |asked| asked.min(end));
        let ago = state.exited.map(|at| until.saturating_duration_since(at));
        Some((status, ago.unwrap_or_default()))
    }

    /// Prints a message if a job has left descendants behind: allowed, but rarely intended.
    fn check_job(&self, launched: &Launched) {
        let left = launched.left_behind();
        if !left.is_empty() {
            progress::say(&format!(
                "{} exited with code 0 before its test ended ({}): {}",
                self.name(),
                self.declaration.spec.declared,
                self.hint_at_daemon(&left)
            ));
        }
    }
}

impl Process {
    /// Notes that a report has covered the end of the process, if it has ended.
    pub(crate) fn was_told(&self) {
        if let Some(launched) = self.parts.life.launched() {
            if launched.guarded.state().exit.is_some() {
                launched.expect_end();
            }
        }
    }

    /// Like `check_lived`, for a fixture that a test has used since `begun`.
    pub(crate) fn check_lived_since(&self, begun: Instant) -> Result<(), Error> {
        let parts = &self.parts;
        let Some(launched) = parts.life.launched() else {
            return Ok(());
        };
        launched.guarded.catch_up();
        match launched.guarded.state().exited {
            Some(at) if at >= begun => parts.check_lived(&launched),
            // A fixture that has forked away is an error in each test, even if it forked before
            // this test.
            Some(_) if parts.forked_away(&launched).is_some() => parts.check_lived(&launched),
            _ => Ok(()),
        }
    }
}
