//! Reports on a start that failed.

use std::io;
use std::time::Duration;

use super::invocation::Invocation;
use crate::error::Error;
use crate::exec_error::Attempt;
use crate::guard::{Container, LaunchError, Program, Step};
use crate::image::Engine;
use crate::output;
use crate::probe::{Verdict, Waited, Why};
use crate::process::container_state;
use crate::process::launched::Launched;
use crate::process::parts::Parts;
use crate::process::port_conflict;
use crate::sys::signal::how_it_ended;
use crate::sys::walk;

impl Parts {
    /// Returns an error for a program that was not executed.
    pub(in crate::process) fn not_launched(
        &self,
        program: &Program,
        invocation: &Invocation,
        error: LaunchError,
    ) -> Error {
        let is_late = matches!(error, LaunchError::Late);
        let (why, hint) = match error {
            LaunchError::Refused(step, error) => refused(program, step, error),
            LaunchError::NoGuard(error) => (
                format!("it can't be guarded: {error}"),
                about_processes(&error),
            ),
            LaunchError::NoContainer(ran) => {
                let how = match ran.status {
                    Some(_) => "the engine made no container".to_owned(),
                    None => format!(
                        "the engine has not made its container, or copied its files, within {:?}",
                        Container::COMMAND_LIMIT
                    ),
                };
                let headline = format!("{} could not be started: {how}", self.name());
                let error = self.declaration.error_as_launched(headline, invocation);
                let error = error.said(&ran.output);
                return match ran.status {
                    None => error.hints(hint_at_silence()).timeout(),
                    Some(_) => error.hints(hint_of_engine(&ran.output)),
                };
            }
            LaunchError::Before(index, ran) => return self.not_prepared(index, &ran),
            LaunchError::Cancelled => return self.cancelled(),
            LaunchError::Late if self.declaration.has_image() => (
                "the time-out passed before the engine had made its container".to_owned(),
                hint_at_silence(),
            ),
            LaunchError::Late => ("the time-out passed before it was exec'ed".to_owned(), None),
        };
        let headline = format!("{} could not be started: {why}", self.name());
        let error = self.declaration.error_as_launched(headline, invocation);
        let error = error.hints(hint);
        if is_late { error.timeout() } else { error }
    }

    /// Returns an error for a process that did not become ready.
    pub(in crate::process) fn not_ready(
        &self,
        launched: Option<&Launched>,
        waited: &Waited,
        why: &Why,
        limit: Duration,
        is_cancelled: bool,
    ) -> Error {
        let (declaration, name) = (&self.declaration, self.name());
        let state = launched.map(|launched| launched.guarded.state());
        let is_unstarted = state.as_ref().is_some_and(container_state::is_unstarted);
        let exit = state.and_then(|state| state.exit);
        let headline = match (why, exit) {
            // The program may have ended because of the stop.
            _ if is_cancelled => format!("{name} was stopped before it became ready"),
            (Why::GivenUp, _) => format!("{name} was stopped before it became ready"),
            // The exit code is that of the engine's client.
            (Why::Exited, Some(_)) if is_unstarted => {
                format!("{name} could not be started: the engine did not start its container")
            }
            (Why::Exited, Some(status)) => {
                format!("{name} {} before it became ready", how_it_ended(status))
            }
            (Why::Exited, None) => {
                format!("{name} was lost before it became ready: its guard died")
            }
            (Why::Late, _) if waited.is_extended => {
                format!(
                    "{name} was not ready within {limit:?}, nor in the additional time that it asked for"
                )
            }
            (Why::Late, _) => format!("{name} was not ready within {limit:?}"),
            (Why::Never, _) => format!("{name} can't become ready"),
            (Why::Failed(..), _) => format!("{name} reported that it has failed"),
        };
        let mut error = match launched {
            Some(launched) => declaration.error_as_launched(headline, &launched.invocation),
            None => declaration.error(headline),
        };
        if let Why::Failed(banner, line) = why {
            error = error.fact("failure", format!("`{line}` matches `{banner}`"));
        }
        error = error
            .fact("waiting", waiting(waited, limit))
            .exit(exit.filter(|_| *why == Why::Exited && !is_unstarted));
        if *why == Why::Late {
            error = error.timeout();
        }
        let Some(launched) = launched else {
            return error;
        };
        if !is_cancelled {
            launched.guarded.catch_up();
            let tail = output::tail(launched.home.share_log(), launched.since);
            let hints = self.hints(waited, exit, &tail);
            if !hints.is_empty() {
                error = error.fact("hint", hints.join("\n"));
            }
            // A time-out is no port conflict: the program had the whole time to bind its port.
            error = error.port_in_use(*why != Why::Late && port_conflict::is_said(&tail.bytes));
        }
        launched.with_output(error)
    }
}

/// Returns what to do about an engine that does not answer.
fn hint_at_silence() -> Option<String> {
    Some(Engine::find().ok()?.hint_at_silence())
}

/// Returns what to do about the complaint of an engine that made no container.
fn hint_of_engine(said: &[u8]) -> Option<String> {
    Engine::find().ok()?.hint_about(said)
}

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

/// Returns why a guard did not run a program or a helper command, and a hint.
pub(in crate::process) fn refused(
    program: &Program,
    step: Step,
    error: io::Error,
) -> (String, Option<String>) {
    match step {
        Step::Exec => Attempt::new(&program.argv, &program.env, &program.dir).explain(&error),
        Step::WorkingDirectory => {
            let dir = program.dir.display();
            let why = match error.kind() {
                io::ErrorKind::NotFound => "does not exist".to_owned(),
                io::ErrorKind::NotADirectory => "is not a directory".to_owned(),
                _ => format!("can't be entered: {}", walk::explain(error)),
            };
            (format!("its working directory {dir} {why}"), None)
        }
        Step::Attributes => {
            let why = format!("{} can't be set: {error}", program.attributes);
            (why, None)
        }
        Step::Fork | Step::Prepare | Step::Container => {
            let why = format!("its guard could not be set up: {error}");
            (why, about_processes(&error))
        }
    }
}

/// Returns a hint if a `fork` or a new thread was refused (`EAGAIN` in `fork(2)`).
fn about_processes(error: &io::Error) -> Option<String> {
    let is_refused = error.kind() == io::ErrorKind::WouldBlock;
    let hint =
        "the limit of processes is reached (`ulimit -u`, or `pids.max` of the control group)";
    is_refused.then(|| hint.to_owned())
}
