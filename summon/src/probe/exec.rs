//! Ready when a command says so.

use std::time::{Duration, Instant};

use super::{Facts, NotReady, Probe, Target, inside};
use crate::command::Command;
use crate::exec_error::Attempt;
use crate::guard::{Helper, HelperError, Program, Ran, Step};
use crate::sys::fd::BorrowedFd;
use crate::sys::signal::how_it_ended;
use crate::sys::status::from_raw;
use crate::sys::walk;

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
        let program = || target.values().helper(&self.command);
        look_with(target, &self.shown, program)
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

/// Runs a program once. It is ready if the program exits with code 0. `key` names it among the programs
/// of the probes.
pub(super) fn look_with(
    target: &Target<'_>,
    key: &str,
    program: impl Fn() -> Result<Program, NotReady>,
) -> Result<(), NotReady> {
    let left = target.deadline().saturating_duration_since(Instant::now());
    // Even the shortest time-out lets the command run.
    let limit = limit_of_run(target.waited(), left).max(Duration::from_millis(1));
    let hire = || {
        let program = program()?;
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
            Err(error) => Err(failed(error, &program)),
        }
    };
    let ran = target.memory.with(key, |kept: &mut Option<Helper>| {
        let helper = kept.take().map_or_else(hire, Ok)?;
        let ran = run(&helper)?;
        // Keep only a helper that has finished its command. On an error the helper may still run
        // the command; dropping the helper ends both.
        *kept = Some(helper);
        Ok(ran)
    })?;
    judge(&ran, limit).map_err(|why| match inside::has_ended(target) {
        // The engine has refused to run it.
        true => why.cut_short(),
        false => why,
    })
}

fn judge(ran: &Ran, limit: Duration) -> Result<(), NotReady> {
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

fn failed(error: HelperError, program: impl Fn() -> Result<Program, NotReady>) -> NotReady {
    match error {
        HelperError::Refused(Step::Exec, error) => match program() {
            Ok(program) => {
                let attempt = Attempt::new(&program.argv, &program.env, &program.dir);
                NotReady::ever(attempt.in_one_line(&error))
            }
            Err(why) => why,
        },
        HelperError::Refused(_, error) => {
            NotReady::ever(format!("it can't be run: {}", walk::explain(error)))
        }
        HelperError::GivenUp => NotReady::yet("its run was cancelled").cut_short(),
        HelperError::Broken(error) => NotReady::yet(format!("it can't be run: {error}")),
    }
}

/// The least limit of a run.
const LEAST_LIMIT: Duration = Duration::from_secs(1);

/// Returns the limit of one run: the time already waited, or the rest of the time-out if the rest is at
/// most twice that time. A command that needs a third of the time-out then ends in time, and a command
/// that hangs does not use up the rest.
fn limit_of_run(waited: Duration, left: Duration) -> Duration {
    let limit = waited.max(LEAST_LIMIT);
    if left <= limit * 2 { left } else { limit }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns whether a command that takes `takes` seconds ends within `limit` seconds.
    fn ends(takes: u64, limit: u64) -> bool {
        let (takes, limit) = (Duration::from_secs(takes), Duration::from_secs(limit));
        let mut now = Duration::ZERO;
        while now < limit {
            let limit_of_this = limit_of_run(now, limit - now);
            if takes <= limit_of_this {
                return true;
            }
            now += limit_of_this;
        }
        false
    }

    #[test]
    fn a_command_may_take_a_third_of_the_time_out() {
        for limit in 3..300 {
            assert!(ends(limit / 3, limit), "{limit}");
            assert!(!ends(limit + 1, limit), "{limit}");
        }
        assert!(ends(12, 30));
    }

    #[test]
    fn a_command_that_hangs_is_run_again_before_the_time_out() {
        for limit in 4..300 {
            let limit = Duration::from_secs(limit);
            assert!(limit_of_run(Duration::ZERO, limit) < limit / 2);
        }
    }
}
