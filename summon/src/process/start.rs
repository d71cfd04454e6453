//! Starts a process: from the call until it is ready, or until a failed start is cleaned up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::life::Run;
use super::live::Live;
use super::{Inner, Process, lock};
use crate::error::{Error, Source as _};
use crate::guard::{self, Guarded};
use crate::output::{self, Pattern};
use crate::panicked;
use crate::probe::{self, Listener, Scene, Target, Waited, Why};
use crate::session::Home;
use crate::sys::missing;
use crate::trace::{self, Moment};

impl Process {
    /// Starts the process, and returns when it is ready.
    ///
    /// A process with a fixed port first waits for its turn. Then the time-out (default: 30 s)
    /// covers everything up to readiness. If the program exits because its port is in use, but no
    /// process serves that port, `start` waits until connections no longer hold it, and launches
    /// the program again with a new time-out. If the start fails, `start` first stops everything
    /// that it has started, with the usual grace.
    ///
    /// ```
    /// use summon::OutputCoordinatedExecutor;
    ///
    /// let server = OutputCoordinatedExecutor::new("sh -c 'echo up; exec sleep 100'", "^up$");
    /// server.start()?;
    /// assert!(server.start().unwrap_err().is_already_running());
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process runs already, can't be executed, exits before it is ready (with any exit
    /// code), can't become ready, or is not ready in time.
    pub fn start(&self) -> Result<(), Error> {
        self.check_system()?;
        // Record the times of panics from now on: the report of a failed test relates events to
        // them.
        panicked::note_times();
        let _starting = self.claim_start()?;
        // Hire the warden before creating files: it removes them however this process ends. Without
        // a warden, the launch fails with the reason.
        guard::prepare();
        let _span = trace::enter(trace::Span::Start, self.name());
        let began = Instant::now();
        let started = self.start_in_turn();
        match &started {
            Ok(()) => self.tell(Moment::Ready(began.elapsed())),
            Err(error) => self.tell(Moment::NotReady(error.headline())),
        }
        if started.is_err() {
            lock(&self.inner.life).turns.clear();
        }
        started
    }

    /// Returns an error on systems where summon can't start processes.
    pub(super) fn check_system(&self) -> Result<(), Error> {
        match missing() {
            None => Ok(()),
            Some(missing) => Err(self
                .bad(missing.what)
                .fact("missing", missing.lacks)
                .fact("hint", missing.hint)),
        }
    }

    fn start_in_turn(&self) -> Result<(), Error> {
        let limit = self.limit(&self.inner.spec.timeout)?;
        let failures = self.check()?;
        self.take_turns()?;
        // The time-out begins after the turn: the wait for other processes does not count.
        let deadline = Instant::now() + limit;
        if let Some(addr) = self.look_who_serves()? {
            return self.reuse(addr, deadline, limit);
        }
        // Write the files before the launch. Their placeholders lease ports, and one of them may be
        // the standard input.
        self.write_files()?;
        let (mut deadline, mut died) = (deadline, None);
        loop {
            let error = match self.launch(&failures, deadline, limit) {
                Err(error) if error.is_port_in_use() => error,
                started => return started,
            };
            // The connections may have ended since the exit, so launch again after the first exit
            // even if the port is free. If the program then exits again, it means a different port.
            let is_free = died.is_some() && !self.is_port_held();
            let died = *died.get_or_insert_with(Instant::now);
            if is_free || !self.wait_for_ports(died)? {
                return Err(self.not_free(error, died));
            }
            deadline = Instant::now() + limit;
        }
    }

    /// Launches the program. Returns when it is ready, or when nothing of a failed launch is left.
    fn launch(
        &self,
        failures: &[Pattern],
        deadline: Instant,
        limit: Duration,
    ) -> Result<(), Error> {
        let (program, mut terms, stdin) = self.plan()?;
        self.run_before(deadline)?;
        let home = self.home()?;
        let since = output::length(home.log().file());
        home.streams().into_iter().for_each(|it| it.begin());
        let mut target = self.target(&home, since, deadline, false)?;
        self.inner.probes.iter().for_each(|it| it.begin(&target));
        let guarded = Guarded::launch(&program, &terms, deadline)
            .map_err(|error| self.not_launched(&program, error))?;
        let as_run = self.as_run(&program);
        let mut run = Run::new(guarded, as_run, Arc::clone(&home), since);
        run.stop_command.clone_from(&terms.stop.command);
        let run = Arc::new(run);
        *lock(&run.stdin) = stdin;
        let live = Live::of(&self.full_name(), &run.guarded, home.share_log(), since);
        if let Some(live) = live {
            let _ = run.live.set(live);
        }
        if let Some((_, pid)) = run.guarded.state().pids {
            self.tell(Moment::Launched(pid));
        }
        {
            let mut life = lock(&self.inner.life);
            life.run = Some(Arc::clone(&run));
            if life.cancelled {
                run.cancel();
            }
        }
        let listens = target.launched(Arc::clone(&run.guarded));
        let ready = listens
            .map_err(|error| self.no_wait(&error))
            .and_then(|()| self.become_ready(&run, &target, failures, limit));
        if ready.is_err() {
            // The error holds the output so far. Output during this stop does not explain the
            // failure.
            let _ = self.inner.stop_run(&run, terms.stop.clone());
            lock(&self.inner.life).run = None;
            // If this start launches the program again, that launch is shared too.
            *lock(&self.inner.sharing) = terms.sharing.take();
        }
        ready
    }

    /// Checks the declaration, and compiles the patterns of `unless`.
    fn check(&self) -> Result<Vec<Pattern>, Error> {
        let spec = &self.inner.spec;
        for probe in &self.inner.probes {
            probe.check().map_err(|why| self.bad(why))?;
        }
        let compile = |banner: &String| match Pattern::new(banner) {
            Ok(pattern) if pattern.is_match(b"") => Err(self.bad(format!(
                "`unless` has `{banner}`, which matches the empty line"
            ))),
            Ok(pattern) => Ok(pattern),
            Err(why) => Err(self.bad(format!("`unless` {why}"))),
        };
        spec.unless.iter().map(compile).collect()
    }

    fn become_ready(
        &self,
        run: &Run,
        target: &Target<'_>,
        failures: &[Pattern],
        limit: Duration,
    ) -> Result<(), Error> {
        if run.is_cancelled() {
            return Err(self.cancelled());
        }
        let waited = self.wait_for(target, failures)?;
        match &waited.result {
            Ok(()) => {
                if let Some(addr) = target.found() {
                    let _ = run.addr.set(addr);
                }
                let _ = run.ready.set(Instant::now());
                // A job is ready at its exec, before its start-up.
                if !self.inner.is_job() {
                    // Output of the start-up may still be in the pipe. The test begins after it.
                    run.guarded.note_ready();
                    run.home.log().note_ready();
                }
                Ok(())
            }
            Err(why) => {
                if *why == Why::Exited {
                    // The guard reports the end of the output before the end of the program, but
                    // descendants may still write. Stop them before the report reads the log.
                    let _ = self.inner.stop_run(run, self.stop_plan()?);
                }
                Err(self.not_ready(Some(run), &waited, why, limit))
            }
        }
    }

    /// Reuses a server that already runs, once it is ready.
    fn reuse(&self, addr: SocketAddr, deadline: Instant, limit: Duration) -> Result<(), Error> {
        let home = self.home()?;
        let target = self.target(&home, 0, deadline, true)?;
        let waited = self.wait_for(&target, &[])?;
        if let Err(why) = &waited.result {
            return Err(self.not_ready(None, &waited, why, limit));
        }
        let mut life = lock(&self.inner.life);
        if life.cancelled {
            return Err(self.cancelled());
        }
        life.reused = Some(target.found().unwrap_or(addr));
        Ok(())
    }

    fn target<'a>(
        &'a self,
        home: &'a Home,
        since: u64,
        deadline: Instant,
        is_reused: bool,
    ) -> Result<Target<'a>, Error> {
        Ok(Target::new(Scene {
            name: self.name(),
            host: self.host(),
            values: self,
            dir: self.try_dir()?,
            log: home.share_log(),
            since,
            written: home.written(since, None),
            deadline,
            any_listener: is_reused || self.inner.spec.listener == Listener::Any,
        }))
    }

    fn wait_for(&self, target: &Target<'_>, failures: &[Pattern]) -> Result<Waited, Error> {
        probe::until_ready(target, &self.inner.probes, failures)
            .map_err(|error| self.no_wait(&error))
    }

    fn no_wait(&self, error: &std::io::Error) -> Error {
        self.bad(format!("waiting for it failed: {error}"))
    }

    /// Reports an event to `tracing` subscribers and the trace file.
    pub(super) fn tell(&self, moment: Moment<'_>) {
        self.inner.story.tell(self.name(), moment);
    }

    pub(super) fn cancelled(&self) -> Error {
        self.error(format!(
            "{} was stopped before it became ready",
            self.name()
        ))
    }

    /// Returns whether the start of its set has been called off.
    pub(super) fn is_called_off(&self) -> bool {
        let set = lock(&self.inner.set);
        set.as_ref().is_some_and(|set| set.start.is_called_off())
    }

    /// Claims the start for this thread. Returns an error if the process runs or is being started.
    fn claim_start(&self) -> Result<Starting<'_>, Error> {
        self.check_not_begun()?;
        let crashed = {
            let mut life = lock(&self.inner.life);
            if self.is_called_off() {
                return Err(self.cancelled());
            }
            let running = life.pid().is_some() || life.reused.is_some();
            if life.starting || running {
                let what = if running {
                    "already running"
                } else {
                    "already being started"
                };
                let error = self.error(format!("{} is {what}", self.name()));
                return Err(error.already_running());
            }
            life.starting = true;
            life.starts += 1;
            life.cancelled = false;
            life.run.take()
        };
        let starting = Starting(&self.inner);
        if let Some(run) = crashed {
            // The last run ended unasked, and was not stopped. Stop its descendants before the next
            // run.
            self.end(&run)?;
        }
        Ok(starting)
    }
}

/// The claim of a thread on the start of a process. Dropping it gives the claim back.
struct Starting<'a>(&'a Inner);

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        {
            let mut life = lock(&self.0.life);
            life.starting = false;
            life.cancelled = false;
        }
        self.0.start_over.notify_all();
    }
}
