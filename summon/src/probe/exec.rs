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

/// Made by [`exec()`].
///
/// It has a name for types that hold such an executor:
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
    /// As text, for placeholders.
    shown: String,
}

/// Ready when a command exits with code 0: `pg_isready`, `redis-cli ping`, a script of yours.
///
/// The command is split into words as that of a process is, no shell runs, and its words may
/// contain placeholders. It runs in the directory and with the environment of the process, again
/// and again until it succeeds. One that takes longer than a second is killed and started again,
/// with more patience each time: as much as the wait has taken by then, and all that is left of the
/// time-out where that is at most twice as much. So a command may take a third of the time-out, and
/// one that hangs is tried again. Nothing that it starts outlives it. What it wrote last stands in the
/// error of a start that fails.
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
        // Even the shortest time-out gives it a chance.
        let limit = patience.min(left).max(Duration::from_millis(1));
        let hire = || {
            let program = target.values().helper(&self.command)?;
            Helper::hire(&program, target.deadline())
                .map_err(|error| NotReady::yet(format!("it can't be run: {error}")))
        };
        let run = |helper: &Helper| {
            let sleep = |answer: BorrowedFd<'_>| {
                // A command that hangs does not keep the end of the process from being seen.
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
            HelperError::GivenUp => NotReady::yet("it was given up"),
            HelperError::Broken(error) => NotReady::yet(format!("it can't be run: {error}")),
        }
    }
}
