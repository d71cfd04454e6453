//! Further operations on a running process.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::life::Run;
use super::report::with_output;
use super::{Process, lock};
use crate::error::Error;
use crate::guard::Whom;
use crate::limit::Limit;
use crate::sys::Signal;
use crate::sys::maker::Maker;

/// The interval at which `crash` repeats the signal.
const AGAIN: Duration = Duration::from_millis(100);

impl Process {
    /// Stops the process and starts it again, with the same name, ports, and directory.
    ///
    /// ```
    /// let db = summon::SimpleExecutor::new("sleep 100");
    /// db.start()?;
    /// let (pid, port) = (db.id(), db.port());
    /// db.restart()?;
    /// assert!(db.id() != pid && db.port() == port);
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`stop`](Process::stop) and [`start`](Process::start).
    pub fn restart(&self) -> Result<(), Error> {
        self.stopped(|| ())
    }

    /// Stops the process, calls `body`, and starts the process again, even if `body` panics. The
    /// process keeps its ports meanwhile. Returns the result of `body`.
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
    /// See [`stop`](Process::stop) and [`start`](Process::start). If the stop fails, `body` is not
    /// called. If `body` panics, an error of the start is printed to stderr.
    pub fn stopped<R>(&self, body: impl FnOnce() -> R) -> Result<R, Error> {
        self.check_own("stopped")?;
        self.stop_in_turn()?;
        let maker = Maker::here();
        let result = catch_unwind(AssertUnwindSafe(body));
        // A child that `body` has forked may return from `body` too. It must not start the process.
        let started = match maker.is_here() {
            true => self.start(),
            false => Ok(()),
        };
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

    /// Sends a signal to the process group, or only to the program if
    /// [`signal_only_leader`](crate::Coordinated::signal_only_leader) is set.
    ///
    /// ```
    /// use summon::{OutputCoordinatedExecutor, Signal};
    ///
    /// let script = "trap 'echo reloaded; exec sleep 100' HUP; echo up; sleep 100 & wait";
    /// let server = OutputCoordinatedExecutor::new(["sh", "-c", script], "^up$");
    /// server.start()?;
    /// server.signal(Signal::HUP)?;
    /// server.wait_for_output("^reloaded$", "5s")?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process does not run, or is a fixture.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        self.check_own("signalled")?;
        let run = self.running("signalled")?;
        run.expect_end();
        let whom = match self.inner.spec.signal_only_leader {
            true => Whom::Leader,
            false => Whom::Group,
        };
        run.guarded
            .signal(signal, whom)
            .map_err(|error| self.error(format!("{} could not be signalled: {error}", self.name())))
    }

    /// Halts the process and all its descendants with SIGSTOP, calls `body`, and resumes them, even
    /// if `body` panics. Returns the result of `body`. To clients, a halted process looks like a
    /// machine that no longer answers.
    ///
    /// ```
    /// let db = summon::SimpleExecutor::new("sleep 100");
    /// db.start()?;
    /// let seen = db.paused(|| db.is_running())?;
    /// assert!(seen);
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process does not run, or is a fixture.
    pub fn paused<R>(&self, body: impl FnOnce() -> R) -> Result<R, Error> {
        self.check_own("paused")?;
        let run = self.running("paused")?;
        let no = |error: std::io::Error| {
            self.error(format!("{} could not be paused: {error}", self.name()))
        };
        run.guarded.pause(true).map_err(no)?;
        let result = catch_unwind(AssertUnwindSafe(body));
        let resumed = run.guarded.pause(false).map_err(no);
        match result {
            Ok(result) => resumed.map(|()| result),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Kills the program with a signal, such as [`Signal::SEGV`], and returns its exit status.
    /// Descendants keep running, as after a real crash, until the next stop or start. The process
    /// keeps its ports, name, and directory.
    ///
    /// ```
    /// use summon::{Signal, SimpleExecutor};
    ///
    /// let db = SimpleExecutor::new("sleep 100");
    /// db.start()?;
    /// let status = db.crash(Signal::SEGV)?;
    /// assert!(!status.success() && !db.is_running());
    /// db.start()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process does not run, does not die of the signal within its
    /// [`stop_timeout`](crate::Coordinated::stop_timeout), or is a fixture.
    pub fn crash(&self, signal: Signal) -> Result<ExitStatus, Error> {
        self.check_own("crashed")?;
        let run = self.running("crashed")?;
        run.expect_end();
        let name = self.name();
        let limit = self.limit(&self.inner.spec.stop_timeout)?;
        let until = Instant::now() + limit;
        loop {
            run.guarded
                .signal(signal, Whom::Leader)
                .map_err(|error| self.error(format!("{name} could not be crashed: {error}")))?;
            // A handler may catch the first signal and restore the default action for the second,
            // as Rust's runtime does with SEGV.
            let moment = (Instant::now() + AGAIN).min(until);
            let known = run
                .guarded
                .wait_until(moment, &[], |state| state.exit.is_some() || state.gone)
                .map_err(|error| self.error(format!("{name} can't be waited for: {error}")))?;
            match known.map(|state| state.exit) {
                Some(Some(status)) => return Ok(status),
                Some(None) => return Err(self.error(format!("the guard of {name} was killed"))),
                None if Instant::now() >= until => {
                    let why = format!("{name} did not die of {signal} within {limit:?}");
                    let error = self.error_as_run(why, &run.as_run);
                    return Err(with_output(error, &run).timeout());
                }
                None => {}
            }
        }
    }

    pub(super) fn running(&self, verb: &str) -> Result<Arc<Run>, Error> {
        let life = lock(&self.inner.life);
        match (&life.run, life.pid()) {
            (Some(run), Some(_)) => Ok(Arc::clone(run)),
            (run, _) => {
                let name = self.name();
                let why = match life.reused {
                    Some(_) => "summon found it running, and does not control it",
                    None => "it is not running",
                };
                let mut error = self.error(format!("{name} can't be {verb}: {why}"));
                let run = run.clone();
                drop(life);
                if let Some(hint) = run.and_then(|run| self.forked_away(&run)) {
                    error = error.fact("hint", hint);
                }
                Err(error)
            }
        }
    }

    /// Waits until the program ends, and returns its exit status.
    ///
    /// ```
    /// let job = summon::SimpleExecutor::new("sh -c 'exit 3'");
    /// job.start()?;
    /// assert_eq!(job.wait("5s")?.code(), Some(3));
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process was never started, or has not ended when the time-out passes.
    pub fn wait(&self, timeout: impl Into<Limit>) -> Result<ExitStatus, Error> {
        let limit = self.limit(&timeout.into())?;
        let run = lock(&self.inner.life).run.clone();
        let name = self.name();
        let run = run
            .ok_or_else(|| self.error(format!("{name} can't be waited for: it was not started")))?;
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
}
