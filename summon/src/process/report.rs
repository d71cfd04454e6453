//! Errors about a process. Each has the process's name, the place of its declaration, and its
//! command.

use std::io;
use std::time::Duration;

use super::as_run::AsRun;
use super::life::Run;
use super::{Process, held};
use crate::error::Error;
use crate::guard::{LaunchError, Program, State, Step};
use crate::output;
use crate::probe::{Verdict, Waited, Why};
use crate::sys::signal::how_it_ended;
use crate::sys::{runner, walk};
use crate::unrunnable::Attempt;

impl Process {
    /// Returns an error about this process, with the facts that are known before it runs.
    pub(super) fn error(&self, headline: impl Into<String>) -> Error {
        Error::new(headline)
            .fact("declared", self.inner.spec.declared.to_string())
            .fact("command", self.inner.spec.command.to_string())
    }

    /// The text of the panic when a test sets an option while the process runs.
    pub(crate) fn changed_too_late(&self) -> Error {
        self.error(format!(
            "{} runs, so its options can't change; set them before `start`, or call `stop` first",
            self.name()
        ))
    }

    /// Returns an error for a process that conflicts with its set.
    pub(crate) fn misplaced(&self, why: String) -> Error {
        self.error(why)
    }

    /// Returns an error for a process that can't be started as declared.
    pub(super) fn bad(&self, why: impl std::fmt::Display) -> Error {
        self.error(format!("{} could not be started: {why}", self.name()))
    }

    /// Like `error`, with the facts of the run.
    pub(super) fn error_as_run(&self, headline: impl Into<String>, as_run: &AsRun) -> Error {
        as_run.add_to(Error::new(headline).fact("declared", self.inner.spec.declared.to_string()))
    }

    /// Returns an error for a program that was not executed.
    pub(super) fn not_launched(&self, program: &Program, error: LaunchError) -> Error {
        let name = self.name();
        let mut hint = None;
        let late = matches!(error, LaunchError::Late);
        let why = match error {
            LaunchError::Refused(Step::Exec, error) => {
                let attempt = Attempt::new(&program.argv, &program.env, &program.dir);
                let (why, what_to_do) = attempt.explain(&error);
                hint = what_to_do;
                why
            }
            LaunchError::Refused(Step::WorkingDirectory, error) => {
                let dir = program.dir.display();
                let why = match error.kind() {
                    io::ErrorKind::NotFound => "does not exist".to_owned(),
                    io::ErrorKind::NotADirectory => "is not a directory".to_owned(),
                    _ => format!("can't be entered: {}", walk::explain(error)),
                };
                format!("its working directory {dir} {why}")
            }
            LaunchError::Refused(Step::Attributes, error) => {
                format!("{} can't be set: {error}", program.attributes)
            }
            LaunchError::Refused(Step::Fork | Step::Prepare, error) => {
                hint = about_processes(&error);
                format!("its guard could not be set up: {error}")
            }
            LaunchError::NoGuard(error) => {
                hint = about_processes(&error);
                format!("it can't be guarded: {error}")
            }
            LaunchError::Late => "the time-out passed before it was exec'ed".to_owned(),
        };
        let as_run = self.as_run(program);
        let headline = format!("{name} could not be started: {why}");
        let mut error = self.error_as_run(headline, &as_run);
        if let Some(hint) = hint {
            error = error.fact("hint", hint);
        }
        if late { error.timeout() } else { error }
    }

    /// Returns an error for a process that did not become ready.
    pub(super) fn not_ready(
        &self,
        run: Option<&Run>,
        waited: &Waited,
        why: &Why,
        limit: Duration,
    ) -> Error {
        let name = self.name();
        let exit = run.and_then(|run| run.guarded.state().exit);
        let is_cancelled = run.is_some_and(Run::is_cancelled);
        let headline = match (why, exit) {
            _ if is_cancelled => format!("{name} was stopped before it became ready"),
            (Why::Exited, Some(status)) => {
                format!("{name} {} before it became ready", how_it_ended(status))
            }
            (Why::Exited, None) => {
                format!("{name} was lost before it became ready: its guard died")
            }
            (Why::Late, _) if waited.took > limit + MOMENT => {
                format!(
                    "{name} was not ready within {limit:?}, nor in the additional time that it asked for"
                )
            }
            (Why::Late, _) => format!("{name} was not ready within {limit:?}"),
            (Why::Never, _) => format!("{name} can't become ready"),
            (Why::Failed(..), _) => format!("{name} reported that it has failed"),
        };
        let mut error = match run {
            Some(run) => self.error_as_run(headline, &run.as_run),
            None => self.error(headline),
        };
        if let Why::Failed(banner, line) = why {
            error = error.fact("failure", format!("`{line}` matches `{banner}`"));
        }
        error = error
            .fact("waiting", waiting(waited, limit))
            .exit(exit.filter(|_| *why == Why::Exited));
        if *why == Why::Late {
            error = error.timeout();
        }
        let Some(run) = run else {
            return error;
        };
        if !is_cancelled {
            run.guarded.catch_up();
            let tail = output::tail(run.home.share_log(), run.since);
            let hints = self.hints(waited, exit, &tail);
            if !hints.is_empty() {
                error = error.fact("hint", hints.join("\n"));
            }
            // A time-out is no port conflict: the program had the whole time to bind its port.
            error = error.port_in_use(*why != Why::Late && held::is_said(&tail.bytes));
        }
        with_output(error, run)
    }
}

/// If a wait exceeds its limit by more than this, the program has asked for more time.
const MOMENT: Duration = Duration::from_secs(1);

/// Describes the wait, with a line for each probe.
fn waiting(waited: &Waited, limit: Duration) -> String {
    let has_exited = waited.result == Err(Why::Exited);
    let last = waited.seen.len().saturating_sub(1);
    let one = |step: usize, index: usize, seen: &Verdict| {
        let or = if index == 0 { "" } else { "or " };
        let what = &seen.what;
        let checks = match seen.looks {
            // A process that has exited is not ready. A descendant may serve its port.
            _ if seen.ready && step == last && has_exited => {
                return format!("{or}{what}: holds, but the program has exited");
            }
            _ if seen.ready => return format!("{or}{what}: ready"),
            _ if step > waited.reached => {
                return format!("{or}{what}: not checked, since an earlier probe is not ready");
            }
            1 => "1 check".to_owned(),
            checks => format!("{checks} checks"),
        };
        let why = seen.last.as_ref().map(|last| format!(": {last}"));
        format!(
            "{or}{what}{} ({checks} in {:.1} s, limit {limit:?})",
            why.unwrap_or_default(),
            waited.took.as_secs_f64(),
        )
    };
    let mut lines = Vec::new();
    for (step, alternatives) in waited.seen.iter().enumerate() {
        let alternatives = alternatives.iter().enumerate();
        lines.extend(alternatives.map(|(index, seen)| one(step, index, seen)));
    }
    lines.join("\n")
}

/// Adds the last lines of the output.
pub(super) fn with_output(error: Error, run: &Run) -> Error {
    run.guarded.catch_up();
    let log = run.home.share_log();
    with_lost(error, run).tail(output::tail(log, run.since))
}

/// Adds why the guard stopped the process, if it did, and how much output was lost.
pub(super) fn with_lost(error: Error, run: &Run) -> Error {
    let state = run.guarded.state();
    let error = match run_ended(&state) {
        Some(why) => error.fact("why", why),
        None => error,
    };
    match state.lost {
        Some((bytes, errno)) => {
            let why = io::Error::from_raw_os_error(errno);
            error.fact("lost", format!("{bytes} bytes of its output: {why}"))
        }
        None => error,
    }
}

/// Returns the reason if the guard has stopped the process because its test run has ended.
pub(super) fn run_ended(state: &State) -> Option<String> {
    let runner = runner::current().filter(|_| state.run_ended)?;
    let runner = runner.name();
    Some(format!(
        "{runner}, which ran this test, has ended, and nothing outlives the run"
    ))
}

/// Returns a hint if a `fork` or a new thread was refused (`EAGAIN` in `fork(2)`).
fn about_processes(error: &io::Error) -> Option<String> {
    let is_refused = error.kind() == io::ErrorKind::WouldBlock;
    let hint =
        "the limit of processes is reached (`ulimit -u`, or `pids.max` of the control group)";
    is_refused.then(|| hint.to_owned())
}
