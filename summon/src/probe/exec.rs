//! Ready when a command says so.

use std::time::{Duration, Instant};

use super::{Facts, NotReady, Probe, Target};
use crate::command::Command;
use crate::guard::{Helper, HelperError, Ran, Step};
use crate::sys::fd::BorrowedFd;
use crate::sys::signal::how_it_ended;
use crate::sys::status::from_raw;
use crate::sys::walk;
use crate::unrunnable::Attempt;

/// A probe that runs a command, made by [`exec()`].
///
/// Use this name in types that hold the executor:
///
/// ```
/// use summon::{Coordinated, probe};
///
/// struct Database {
///     server: Coordinated<probe::Exec>,
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Exec {
    command: Command,
    /// The command as text, for placeholders.
    shown: String,
}

/// Waits until a command exits with code 0: `pg_isready`, `redis-cli ping`, or a script.
///
/// summon splits the command into words like the command of a process, without a shell. Its words may
/// contain placeholders. The command runs in the directory and with the environment of the process,
/// and summon repeats it until it succeeds.
///
/// A command gets one second, or the time already waited if that is longer. If at most twice that
/// time is left before the time-out, the command gets all of it. summon then kills the command with
/// all processes that it started, and runs it again. So a command may take a third of the time-out,
/// and a command that hangs once does not fail the start. If the start fails, the error shows the
/// last line that the command wrote.
///
/// ```no_run
/// let postgres = summon::Coordinated::with(
///     "postgres -D data -p {port}",
///     summon::probe::exec("pg_isready -h localhost -p {port}"),
/// );
/// postgres.start()?;
/// # Ok::<(), summon::Error>(())
/// ```
pub fn exec(command: impl Into<Command>) -> Exec {
    let command = command.into();
    Exec {
        shown: command.to_string(),
        command,
    }
}

impl Probe for Exec {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        let patience = target.patience_alone();
        let left = target.deadline().saturating_duration_since(Instant::now());
        // Even the shortest time-out lets the command run.
        let limit = patience.min(left).max(Duration::from_millis(1));
        let hire = || {
            let program = target.values().helper(&self.command)?;
            Helper::hire(&program, target.deadline())
                .map_err(|error| NotReady::yet(format!("it can't be run: {error}")))
        };
        let run = |helper: &Helper| {
            let sleep = |answer: BorrowedFd<'_>| {
                // The helper ends the command at `limit`. The margin bounds this sleep if the helper itself
                // hangs; the end of the process ends the sleep too.
                let until = Instant::now() + limit + Duration::from_secs(10);
                target.sleep_on(&[answer], until)
            };
            match helper.run(limit, sleep) {
                Ok(ran) => Ok(ran),
                Err(error) => Err(self.failed(error, target)),
            }
        };
        let ran = target.with_helper(&self.shown, hire, run)?;
        self.judge(&ran, limit)
    }

    fn describe(&self, target: &Target<'_>) -> String {
        let shown = target.values().fill(&self.shown);
        format!("exec `{}`", shown.unwrap_or_else(|_| self.shown.clone()))
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            texts: vec![&self.shown],
            ..Facts::default()
        }
    }

    fn check(&self) -> Result<(), String> {
        self.command
            .words()
            .map(drop)
            .map_err(|why| format!("the probe: {why}"))
    }
}

impl Exec {
    fn judge(&self, ran: &Ran, limit: Duration) -> Result<(), NotReady> {
        let status = ran.status.map(from_raw);
        let how = match status {
            Some(status) if status.success() => return Ok(()),
            Some(status) => format!("it {}", how_it_ended(status)),
            None => format!("it did not end within {limit:.1?}"),
        };
        let text = String::from_utf8_lossy(&ran.output);
        let last = text.lines().rev().find(|line| !line.trim().is_empty());
        let why = match last {
            Some(line) => format!("{how}: {}", line.trim()),
            None => how,
        };
        Err(NotReady::yet(why).soon())
    }

    fn failed(&self, error: HelperError, target: &Target<'_>) -> NotReady {
        match error {
            HelperError::Refused(Step::Exec, error) => {
                match target.values().helper(&self.command) {
                    Ok(program) => {
                        let attempt = Attempt::new(&program.argv, &program.env, &program.dir);
                        NotReady::ever(attempt.in_one_line(&error))
                    }
                    Err(why) => why,
                }
            }
            HelperError::Refused(_, error) => {
                NotReady::ever(format!("it can't be run: {}", walk::explain(error)))
            }
            HelperError::GivenUp => NotReady::yet("its run was cancelled"),
            HelperError::Broken(error) => NotReady::yet(format!("it can't be run: {error}")),
        }
    }
}
