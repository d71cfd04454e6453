//! What else one does to a process that runs.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Instant;

use super::life::Run;
use super::report::with_output;
use super::{Process, lock};
use crate::error::Error;
use crate::limit::Limit;
use crate::output::{self, Search};
use crate::sys::Signal;
use crate::sys::signal::how_it_ended;

impl Process {
    /// Stops the process and starts it again: the same name, ports, and directory.
    ///
    /// # Errors
    ///
    /// As [`stop`](Process::stop) and [`start`](Process::start).
    pub fn restart(&self) -> Result<(), Error> {
        self.stopped(|| ())
    }

    /// Stops the process, calls `body`, and starts it again, also if `body` panics. Its ports stay
    /// its own meanwhile. Returns what `body` returned.
    ///
    /// ```
    /// let db = summon::SimpleExecutor::new("sleep 100");
    /// db.start()?;
    /// let seen = db.stopped(|| db.is_running())?;
    /// assert!(!seen && db.is_running());
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`stop`](Process::stop), before `body`, and [`start`](Process::start), after it. If
    /// `body` panics, an error of the start goes to stderr.
    pub fn stopped<R>(&self, body: impl FnOnce() -> R) -> Result<R, Error> {
        self.check_own("stopped")?;
        self.stop_in_turn()?;
        let result = catch_unwind(AssertUnwindSafe(body));
        let started = self.start();
        match result {
            Ok(result) => started.map(|()| result),
            Err(panic) => {
                if let Err(error) = started {
                    eprintln!("{error}");
                }
                resume_unwind(panic)
            }
        }
    }

    /// Sends a signal to the process group.
    ///
    /// # Errors
    ///
    /// If the process does not run, or is a fixture.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        self.check_own("signalled")?;
        let run = self.running("signalled")?;
        run.expect_end();
        run.guarded
            .signal(signal)
            .map_err(|error| self.error(format!("{} could not be signalled: {error}", self.name())))
    }

    pub(super) fn running(&self, verb: &str) -> Result<Arc<Run>, Error> {
        let life = lock(&self.inner.life);
        match (&life.run, life.pid()) {
            (Some(run), Some(_)) => Ok(Arc::clone(run)),
            _ => {
                let name = self.name();
                let why = match life.reused {
                    Some(_) => "summon found it running, and leaves it alone",
                    None => "it does not run",
                };
                Err(self.error(format!("{name} can't be {verb}: {why}")))
            }
        }
    }

    /// Waits until the program ends by itself, and says how it ended.
    ///
    /// # Errors
    ///
    /// If it was never started, or has not ended in time.
    pub fn wait(&self, timeout: impl Into<Limit>) -> Result<ExitStatus, Error> {
        let limit = self.limit(&timeout.into())?;
        let run = lock(&self.inner.life).run.clone();
        let name = self.name();
        let run =
            run.ok_or_else(|| self.error(format!("{name} can't be waited for: it does not run")))?;
        let known = run
            .guarded
            .wait_until(Instant::now() + limit, &[], |state| {
                state.exit.is_some() || state.gone
            })
            .map_err(|error| self.error(format!("{name} can't be waited for: {error}")))?;
        match known.map(|state| state.exit) {
            Some(Some(status)) => {
                run.expect_end();
                Ok(status)
            }
            Some(None) => Err(self.error(format!("the guard of {name} was killed"))),
            None => {
                let error = self.error(format!("{name} did not end within {limit:?}"));
                Err(with_output(error.timeout(), &run))
            }
        }
    }

    /// Waits until a line of output matches, and returns that line. Lines that were written
    /// before the call count too. The syntax is that of [`probe::output`](crate::probe::output()).
    ///
    /// ```
    /// use summon::SimpleExecutor;
    ///
    /// let job = SimpleExecutor::new("sh -c 'echo 3 rows copied; exec sleep 100'");
    /// job.start()?;
    /// let line = job.wait_for_output(r"\d+ rows", "5s")?;
    /// assert_eq!(line, "3 rows copied");
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the pattern is no regular expression, or no such line came before the process ended or
    /// the time-out passed.
    pub fn wait_for_output(&self, regex: &str, timeout: impl Into<Limit>) -> Result<String, Error> {
        let limit = self.limit(&timeout.into())?;
        let name = self.name();
        let pattern = output::pattern(regex)
            .map_err(|error| self.error(format!("no output to wait for: {error}")))?;
        let run = lock(&self.inner.life).run.clone();
        let run =
            run.ok_or_else(|| self.error(format!("{name} has no output: it does not run")))?;
        let mut search = Search::new(run.home.log(), run.since);
        let mut found = Ok(None);
        // The end of the output is told before the end of the program, so one look after that
        // has seen everything.
        let known = run
            .guarded
            .wait_until(Instant::now() + limit, &[], |state| {
                found = search.find(&pattern);
                !matches!(found, Ok(None)) || state.exit.is_some() || state.gone
            });
        let error = |why: String| {
            let error = self.error(format!(
                "no line of {name}'s output matches `{regex}`: {why}"
            ));
            with_output(error, &run)
        };
        match (found, known) {
            (Ok(Some(line)), _) => Ok(String::from_utf8_lossy(&line).into_owned()),
            (Err(failed), _) | (_, Err(failed)) => Err(error(failed.to_string())),
            (Ok(None), Ok(None)) => Err(error(format!("not within {limit:?}")).timeout()),
            (Ok(None), Ok(Some(state))) => {
                let ended = state.exit.map_or("is gone".to_owned(), how_it_ended);
                Err(error(format!("{name} {ended}")).exit(state.exit))
            }
        }
    }
}
