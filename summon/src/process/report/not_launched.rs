//! Reports on a program that was not executed.

use std::io;

use super::invocation::Invocation;
use crate::error::Error;
use crate::exec_error::Attempt;
use crate::guard::{Container, LaunchError, Program, Step};
use crate::image::Engine;
use crate::process::parts::Parts;
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
}

/// Returns what to do about an engine that does not answer.
fn hint_at_silence() -> Option<String> {
    Some(Engine::find().ok()?.hint_at_silence())
}

/// Returns what to do about the complaint of an engine that made no container.
fn hint_of_engine(said: &[u8]) -> Option<String> {
    Engine::find().ok()?.hint_about(said)
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
