//! Reports on a process after its test has failed, or after the process has ended unasked.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use super::life::Run;
use super::report::{run_ended, with_lost, with_output};
use super::{Inner, Process, lock};
use crate::error::{Error, Source as _};
use crate::output;
use crate::panicked::Failure;
use crate::progress;
use crate::sys::signal::how_it_ended;
use crate::trace::Moment;

impl Process {
    /// Returns the report for a failed test: whether the process runs, or how and when it ended,
    /// and its output from the offset `since` on. `None` if it never ran.
    pub(crate) fn postmortem(&self, failed: &Failure, since: u64) -> Option<Error> {
        self.inner.postmortem(failed, since)
    }

    /// Prints a message if the process has ended unasked. Returns an error instead if it must live,
    /// or has forked away.
    pub(super) fn check_lived(&self, run: &Run) -> Result<(), Error> {
        self.inner.check_lived(run)
    }

    /// Like `check_lived`, even if the end of the run is expected by now.
    pub(super) fn check_had_lived(&self, run: &Run) -> Result<(), Error> {
        self.inner.check_had_lived(run)
    }

    /// Notes that a report has covered the end of the process, if it has ended.
    pub(crate) fn was_told(&self) {
        if let Some(run) = &lock(&self.inner.life).run {
            if run.guarded.state().exit.is_some() {
                run.expect_end();
            }
        }
    }

    /// Like `check_lived`, for a fixture that a test has used since `begun`.
    pub(crate) fn check_lived_since(&self, begun: Instant) -> Result<(), Error> {
        let Some(run) = lock(&self.inner.life).run.clone() else {
            return Ok(());
        };
        run.guarded.catch_up();
        match run.guarded.state().exited {
            Some(at) if at >= begun => self.check_lived(&run),
            // A fixture that has forked away is an error in each test, even if it forked before
            // this test.
            Some(_) if self.forked_away(&run).is_some() => self.check_lived(&run),
            _ => Ok(()),
        }
    }

    /// Returns the length of the log so far. Later output begins at this offset.
    pub(crate) fn log_length(&self) -> u64 {
        match &*lock(&self.inner.home) {
            Some(home) => output::length(home.log().file()),
            None => 0,
        }
    }
}

impl Inner {
    pub(super) fn name(&self) -> &str {
        self.name.get().map_or("process", String::as_str)
    }

    pub(super) fn postmortem(&self, failed: &Failure, since: u64) -> Option<Error> {
        let run = lock(&self.life).run.clone();
        let name = self.name();
        let log = lock(&self.home).as_ref().map(|home| home.share_log())?;
        let headline = match &run {
            Some(run) => {
                let state = run.guarded.post_mortem(failed.seen);
                match (state.exit, state.exited) {
                    (Some(status), at) => {
                        let ago = at.map(|at| failed.after(at));
                        let how = how_it_ended(status);
                        let ago = seconds(ago.unwrap_or_default());
                        format!("{name} {how} {ago} before this test failed")
                    }
                    (None, _) if state.gone => format!("{name} was lost: its guard died"),
                    (None, _) => format!("{name} was alive when this test failed"),
                }
            }
            // The test has stopped the process, but its output may explain the failure.
            None if output::length(log.file()) > since => {
                format!("{name} was stopped by this test")
            }
            None => return None,
        };
        let mut error = Error::new(headline).fact("declared", self.spec.declared.to_string());
        if let Some(run) = &run {
            error = with_lost(run.as_run.add_to(error), run);
            let left = self.left_behind(run);
            if !left.is_empty() {
                error = error.fact("hint", self.hint_at_daemon(&left));
            }
        }
        Some(error.tail(output::tail_of_test(log, since)))
    }

    pub(super) fn check_lived(&self, run: &Run) -> Result<(), Error> {
        match run.is_expected_to_end() {
            true => Ok(()),
            false => self.check_had_lived(run),
        }
    }

    pub(super) fn check_had_lived(&self, run: &Run) -> Result<(), Error> {
        let Some((status, ago)) = self.died(run) else {
            self.check_job(run);
            return Ok(());
        };
        let left = self.left_behind(run);
        // Report an end once. But report a fixture that has forked away in each test that uses it.
        if left.is_empty() || lock(&self.fixture).is_none() {
            run.expect_end();
        }
        let (name, how) = (self.name(), how_it_ended(status));
        self.story.tell(name, Moment::Died(&how, ago));
        let headline = format!("{name} {how} {} before its test ended", seconds(ago));
        if self.spec.must_live || !left.is_empty() {
            let error = Error::new(headline).fact("declared", self.spec.declared.to_string());
            let mut error = run.as_run.add_to(error).exit(Some(status));
            if !left.is_empty() {
                error = error.fact("hint", self.hint_at_daemon(&left));
            }
            return Err(with_output(error, run));
        }
        // Keep the log, since the message names it.
        run.home.share_log().name_it();
        let why = run_ended(&run.guarded.state());
        let why = why.unwrap_or_else(|| "with `must_live = true` this is an error".to_owned());
        progress::say(&format!(
            "{headline} ({}, log {}); {why}",
            self.spec.declared,
            run.home.log().path().display()
        ));
        Ok(())
    }

    /// Returns how the process ended, and how long before the stop began (or before now).
    fn died(&self, run: &Run) -> Option<(ExitStatus, Duration)> {
        let state = run.guarded.state();
        let status = state.exit?;
        // The job is done.
        if status.success() && self.is_job() {
            return None;
        }
        let until = state.asked.unwrap_or_else(Instant::now);
        let ago = state.exited.map(|at| until.saturating_duration_since(at));
        Some((status, ago.unwrap_or_default()))
    }

    /// Returns whether the process is a job, which may end at any time: no probe waits for more
    /// than its exec.
    pub(super) fn is_job(&self) -> bool {
        self.probes.iter().all(|it| it.facts().is_ready_at_exec)
    }

    /// Prints a message if a job has left descendants behind: allowed, but rarely intended.
    fn check_job(&self, run: &Run) {
        let left = self.left_behind(run);
        if !left.is_empty() {
            progress::say(&format!(
                "{} exited with code 0 before its test ended ({}): {}",
                self.name(),
                self.spec.declared,
                self.hint_at_daemon(&left)
            ));
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
