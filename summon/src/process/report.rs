//! Errors about a process: always with its name, where it was declared, and its command.

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use super::Process;
use super::life::Run;
use crate::error::{Error, shown_command};
use crate::output;
use crate::probe::{Seen, Waited, Why};
use crate::sys::guard::{LaunchError, Plan, Step};
use crate::sys::signal::how_it_ended;

impl Process {
    /// An error about this process, with the facts that are known even if it never runs.
    pub(super) fn error(&self, headline: impl Into<String>) -> Error {
        let declared = self.inner.spec.declared;
        Error::new(headline)
            .fact(
                "declared",
                format!("{}:{}", declared.file(), declared.line()),
            )
            .fact("command", self.inner.spec.command.to_string())
    }

    /// What the user wrote can't work.
    pub(super) fn bad(&self, why: impl std::fmt::Display) -> Error {
        self.error(format!("{} could not be started: {why}", self.name()))
    }

    /// As `error`, with the command as it is run.
    fn error_of(&self, headline: String, run: Option<&Run>) -> Error {
        match run {
            Some(run) => self.error_as_run(headline, &run.argv),
            None => self.error(headline),
        }
    }

    fn error_as_run(&self, headline: String, argv: &[OsString]) -> Error {
        let declared = self.inner.spec.declared;
        Error::new(headline)
            .fact(
                "declared",
                format!("{}:{}", declared.file(), declared.line()),
            )
            .fact(
                "command",
                shown_command(argv.iter().map(OsString::as_os_str)),
            )
    }

    /// The program did not come to run.
    pub(super) fn not_launched(&self, plan: &Plan, error: LaunchError) -> Error {
        let name = self.name();
        let program = plan.argv[0].to_string_lossy();
        let (why, late) = match error {
            LaunchError::Refused(Step::Exec, error) => (no_exec(&error, &program, plan), false),
            LaunchError::Refused(Step::WorkingDirectory, error) => {
                let dir = plan.dir.display();
                let why = match error.kind() {
                    io::ErrorKind::NotFound => "does not exist".to_owned(),
                    io::ErrorKind::NotADirectory => "is not a directory".to_owned(),
                    _ => format!("can't be entered: {error}"),
                };
                (format!("its working directory {dir} {why}"), false)
            }
            LaunchError::Refused(Step::Fork | Step::Prepare, error) => {
                (format!("its guard could not be set up: {error}"), false)
            }
            LaunchError::NoGuard(error) => (format!("it can't be guarded: {error}"), false),
            LaunchError::Late => ("the time-out passed before it was exec'ed".to_owned(), true),
        };
        let error = self.error_as_run(format!("{name} could not be started: {why}"), &plan.argv);
        if late { error.timeout() } else { error }
    }

    /// It ran, but did not become ready.
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
            _ if is_cancelled => format!("{name} was stopped before it was ready"),
            (Why::Exited, Some(status)) => {
                format!("{name} {} before it was ready", how_it_ended(status))
            }
            (Why::Exited, None) => format!("{name} was lost before it was ready: its guard died"),
            (Why::Late, _) if waited.took > limit + MOMENT => {
                format!("{name} was not ready within {limit:?}, nor in the time that it asked for")
            }
            (Why::Late, _) => format!("{name} was not ready within {limit:?}"),
            (Why::Never, _) => format!("{name} can't become ready"),
            (Why::Failed(..), _) => format!("{name} says that it has failed"),
        };
        let mut error = self.error_of(headline, run);
        if let Why::Failed(banner, line) = why {
            error = error.fact("failure", format!("`{line}` matches `{banner}`"));
        }
        error = error
            .fact("waiting", waiting(waited, limit))
            .exit(exit.filter(|_| *why == Why::Exited));
        if *why == Why::Late {
            error = error.timeout();
        }
        match run {
            Some(run) => with_output(error, run),
            None => error,
        }
    }
}

/// A wait that took so much longer than its limit was given more.
const MOMENT: Duration = Duration::from_secs(1);

/// What was waited for, a line for each probe.
fn waiting(waited: &Waited, limit: Duration) -> String {
    let one = |(index, seen): (usize, &Seen)| {
        let or = if index == 0 { "" } else { "or " };
        let what = &seen.what;
        let looks = match seen.looks {
            _ if seen.ready => return format!("{or}{what}: ready"),
            0 => return format!("{or}{what}: not looked at, since it comes after"),
            1 => "1 look".to_owned(),
            looks => format!("{looks} looks"),
        };
        let last = seen.last.as_ref().map(|last| format!(": {last}"));
        format!(
            "{or}{what}{} ({looks} in {:.1} s, limit {limit:?})",
            last.unwrap_or_default(),
            waited.took.as_secs_f64(),
        )
    };
    let steps = waited.seen.iter().flat_map(|step| step.iter().enumerate());
    steps.map(one).collect::<Vec<_>>().join("\n")
}

/// Adds the end of the output.
pub(super) fn with_output(error: Error, run: &Run) -> Error {
    error.tail(output::tail(run.home.share_log(), run.since))
}

fn no_exec(error: &io::Error, program: &str, plan: &Plan) -> String {
    match error.kind() {
        io::ErrorKind::NotFound if program.contains('/') => {
            format!("`{program}` does not exist, or the interpreter in its first line does not")
        }
        io::ErrorKind::NotFound => {
            let path = plan.env.iter().find(|(name, _)| name == "PATH");
            let path = path.map_or("not set".into(), |(_, path)| path.to_string_lossy());
            format!("there is no such program as `{program}` in PATH, which is {path}")
        }
        io::ErrorKind::PermissionDenied => format!("`{program}` is not executable"),
        _ => format!("`{program}` can't be executed: {error}"),
    }
}
