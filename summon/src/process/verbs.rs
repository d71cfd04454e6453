//! The verbs: start, stop, and what else one does to a process.

use std::cell::{Cell, RefCell};
use std::process::ExitStatus;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::life::Run;
use super::report::with_output;
use super::{Inner, Process, lock};
use crate::error::Error;
use crate::limit::Limit;
use crate::output::{self, Search};
use crate::probe::{self, Place, Target, Why};
use crate::sys::Signal;
use crate::sys::guard::Guarded;
use crate::sys::signal::how_it_ended;

impl Process {
    /// Starts the process, and returns when it is ready.
    ///
    /// The time-out, 30 s unless the builder was told otherwise, covers everything from here to
    /// readiness. When the start fails, whatever had been started is stopped first, with its
    /// grace, so that nothing is left.
    ///
    /// # Errors
    ///
    /// If it runs already, can't be run, exits before it is ready (with whatever code), can't
    /// become ready, or is not ready in time.
    pub fn start(&self) -> Result<(), Error> {
        let limit = self.limit(&self.inner.spec.timeout)?;
        let deadline = Instant::now() + limit;
        let _starting = self.claim_start()?;
        self.inner.probe.check().map_err(|why| self.bad(why))?;
        self.check_port()?;
        let plan = self.plan()?;
        let home = self.home()?;
        let since = std::fs::metadata(home.log()).map_or(0, |log| log.len());
        let guarded =
            Guarded::launch(&plan, deadline).map_err(|error| self.not_launched(&plan, error))?;
        let run = Arc::new(Run::new(guarded, plan.argv, home, since));
        {
            let mut life = lock(&self.inner.life);
            life.run = Some(Arc::clone(&run));
            if life.cancelled {
                run.cancel();
            }
        }
        match self.become_ready(&run, deadline, limit) {
            Ok(()) => Ok(()),
            Err(error) => {
                // Its output up to here is in the error; what it says when stopped is not news.
                let _ = run.guarded.stop(plan.stop);
                lock(&self.inner.life).run = None;
                Err(error)
            }
        }
    }

    fn become_ready(&self, run: &Run, deadline: Instant, limit: Duration) -> Result<(), Error> {
        let host = self.host();
        let target = Target {
            name: self.name(),
            host: &host,
            place: self,
            dir: self.try_dir()?,
            log: run.home.log(),
            since: run.since,
            guarded: &run.guarded,
            deadline,
            search: RefCell::new(Search::new(run.home.log(), run.since)),
            looks: Cell::new(0),
            addr: Cell::new(None),
        };
        if run.is_cancelled() {
            return Err(self.error(format!("{} was stopped before it was ready", self.name())));
        }
        let waited = probe::until_ready(&target, &*self.inner.probe)
            .map_err(|error| self.bad(format!("it can't be waited for: {error}")))?;
        match waited.result {
            Ok(()) => {
                if let Some(addr) = target.addr.get() {
                    let _ = run.addr.set(addr);
                }
                Ok(())
            }
            Err(why) => {
                if why == Why::Exited {
                    // The guard tells the end of the output before the end of the program, but
                    // descendants may have a last word: stop them before the report is made.
                    let _ = run.guarded.stop(self.stop_plan()?);
                }
                Err(self.not_ready(run, &waited, why, limit))
            }
        }
    }

    /// Makes this thread the one that starts the process, unless it runs.
    fn claim_start(&self) -> Result<Starting<'_>, Error> {
        let crashed = {
            let mut life = lock(&self.inner.life);
            let running = life.run.as_ref().is_some_and(|run| {
                let state = run.guarded.state();
                state.exit.is_none() && !state.gone
            });
            if life.starting || running {
                let is = if running {
                    "is running"
                } else {
                    "is being started"
                };
                let error = self.error(format!("{} {is} already", self.name()));
                return Err(error.already_running());
            }
            life.starting = true;
            life.cancelled = false;
            life.run.take()
        };
        let starting = Starting(&self.inner);
        if let Some(run) = crashed {
            // It ended by itself and nobody stopped it: what it left goes before it comes again.
            self.end(&run)?;
        }
        Ok(starting)
    }

    /// A fixed port that somebody serves already can't become ours.
    fn check_port(&self) -> Result<(), Error> {
        let Some(endpoint) = self.endpoint().filter(|endpoint| endpoint.port != 0) else {
            return Ok(());
        };
        let host = self.fill(&endpoint.host)?;
        match probe::somebody_listens(&host, endpoint.port) {
            None => Ok(()),
            Some(who) => Err(self
                .error(format!(
                    "{} could not be started: port {} is taken",
                    self.name(),
                    endpoint.port
                ))
                .fact(
                    "port",
                    format!("{host}:{} is served by {who}", endpoint.port),
                )
                .already_running()),
        }
    }

    /// Stops the process, and returns when nothing of it is left, descendants included.
    ///
    /// Its process group gets the stop signal (TERM unless the builder was told otherwise). Who
    /// has left the group gets it when the group is gone. Whoever lives after the grace (10 s
    /// unless told otherwise) is killed. Stopping what does not run is fine; a start that is under
    /// way in another thread is given up.
    ///
    /// # Errors
    ///
    /// If its guard was killed, so that nobody can tell what is left.
    pub fn stop(&self) -> Result<(), Error> {
        let run = {
            let mut life = lock(&self.inner.life);
            life.cancelled = life.starting;
            life.run.clone()
        };
        let ended = match &run {
            Some(run) => {
                run.cancel();
                self.end(run)
            }
            None => Ok(()),
        };
        // A start that had not come to a guard yet gives up on its own; nothing is left after it.
        let mut life = lock(&self.inner.life);
        while life.starting {
            let woken = self.inner.start_over.wait(life);
            life = woken.unwrap_or_else(PoisonError::into_inner);
        }
        // Not what another thread has started since.
        if let (Some(now), Some(run)) = (&life.run, &run) {
            if Arc::ptr_eq(now, run) {
                life.run = None;
            }
        }
        ended
    }

    fn end(&self, run: &Run) -> Result<(), Error> {
        let name = self.name();
        let state = run.guarded.stop(self.stop_plan()?).map_err(|error| {
            self.error(format!("{name} could not be stopped: {error}"))
                .timeout()
        })?;
        if state.guard_died {
            let error = self.error(format!(
                "the guard of {name} was killed; descendants of {name} may have survived"
            ));
            return Err(with_output(error, run));
        }
        Ok(())
    }

    /// Stops the process and starts it again: the same name, port, and directory.
    ///
    /// # Errors
    ///
    /// As [`stop`](Process::stop) and [`start`](Process::start).
    pub fn restart(&self) -> Result<(), Error> {
        self.stop()?;
        self.start()
    }

    /// Sends a signal to the process group.
    ///
    /// # Errors
    ///
    /// If the process does not run.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        let run = self.running("signalled")?;
        run.guarded
            .signal(signal)
            .map_err(|error| self.error(format!("{} could not be signalled: {error}", self.name())))
    }

    /// Kills the process and all its descendants, without grace, and returns when they are gone.
    ///
    /// # Errors
    ///
    /// If the process does not run.
    pub fn kill(&self) -> Result<(), Error> {
        let run = self.running("killed")?;
        run.cancel();
        let plan = crate::sys::guard::StopPlan {
            signal: Signal::KILL,
            grace: Duration::ZERO,
        };
        run.guarded
            .stop(plan)
            .map_err(|error| self.error(format!("{} could not be killed: {error}", self.name())))?;
        Ok(())
    }

    fn running(&self, verb: &str) -> Result<Arc<Run>, Error> {
        let life = lock(&self.inner.life);
        match (&life.run, life.pid()) {
            (Some(run), Some(_)) => Ok(Arc::clone(run)),
            _ => {
                let name = self.name();
                Err(self.error(format!("{name} can't be {verb}: it does not run")))
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
            Some(Some(status)) => Ok(status),
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

/// The claim of the thread that starts a process, given back however the start ends.
struct Starting<'a>(&'a Inner);

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        lock(&self.0.life).starting = false;
        self.0.start_over.notify_all();
    }
}

impl Drop for Inner {
    /// Stops what still runs: the handle is gone, so nobody else could.
    fn drop(&mut self) {
        let Some(run) = lock(&self.life).run.take() else {
            return;
        };
        let stop = crate::sys::guard::StopPlan {
            signal: self.spec.stop_signal,
            grace: self.spec.stop_timeout.get().unwrap_or_default(),
        };
        let _ = run.guarded.stop(stop);
    }
}
