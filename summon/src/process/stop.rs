//! Stops a process and all its descendants.

use std::io;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::life::Run;
use super::report::with_output;
use super::{Inner, Process, lock};
use crate::error::Error;
use crate::guard::{State, StopPlan};
use crate::panicked::Failure;
use crate::probe;
use crate::progress::{self, Progress};
use crate::sys::signal::how_it_ended;
use crate::trace::{self, Moment};

/// The shortest grace for which a kill is reported: a program that ignores its stop signal then
/// slows the tests down.
const WORTH_TELLING: Duration = Duration::from_secs(1);

impl Process {
    /// Stops the process. Returns when it and all its descendants have ended.
    ///
    /// The process group gets the stop signal (default: TERM). A descendant that has left the group
    /// gets it when no process of the group is left. Processes that outlive the grace (default: 10
    /// s) are killed. Stopping a process that does not run has no effect. If another thread is
    /// starting the process, that start is cancelled.
    ///
    /// ```
    /// let sleeper = summon::SimpleExecutor::new("sleep 100");
    /// sleeper.start()?;
    /// sleeper.stop()?;
    /// assert!(!sleeper.is_running());
    /// sleeper.stop()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - If the exit code is neither 0 nor 128 plus the signal's number. See
    ///   [`expect_exit`](crate::Coordinated::expect_exit).
    /// - If an [`after_stop`](crate::Coordinated::after_stop) command fails.
    /// - If the process has ended unasked, but [must live](crate::Coordinated::must_live).
    /// - If cargo or nextest has ended, so that the guard has stopped the process already.
    /// - If the process is a fixture, which then keeps running.
    /// - If the guard was killed. Descendants may have survived.
    /// - If a process can't be killed, since it runs as a different user. The error lists these
    ///   processes.
    ///
    /// After any other error, no process that the guard knows is left.
    pub fn stop(&self) -> Result<(), Error> {
        self.check_own("stopped")?;
        let stopped = self.stop_in_turn();
        self.give_turns_back();
        stopped
    }

    /// Like `stop`, but keeps the turns on fixed ports for the next start.
    pub(super) fn stop_in_turn(&self) -> Result<(), Error> {
        let (run, starts) = {
            let mut life = lock(&self.inner.life);
            life.cancelled = life.starting;
            life.cancel.iter().for_each(|it| it.wake());
            // A reused server keeps running.
            life.reused = None;
            (life.run.clone(), life.starts)
        };
        let ended = match &run {
            Some(run) => {
                // Settle before the check: a program that is about to fork away then does so before
                // the stop.
                self.inner.settle(run);
                let lived = self.check_lived(run);
                run.cancel();
                let is_surprise = run.expect_end();
                let ended = self.end(run);
                // The program may have been ending before the stop, unknown to `check_lived`.
                let died = is_surprise && run.guarded.state().ended_unasked;
                let lived = lived.and_then(|()| match died {
                    true => self.check_had_lived(run),
                    false => Ok(()),
                });
                ended.and(lived)
            }
            None => Ok(()),
        };
        // A start without a guard gives up by itself, and cleans up. Wait for it.
        let mut life = lock(&self.inner.life);
        // A later start has a different number. This stop does not concern it.
        while life.starting && life.starts == starts {
            let woken = self.inner.start_over.wait(life);
            life = woken.unwrap_or_else(PoisonError::into_inner);
        }
        // Another thread may have started a new run by now. Keep that.
        if let (Some(now), Some(run)) = (&life.run, &run) {
            if Arc::ptr_eq(now, run) {
                life.run = None;
            }
        }
        ended
    }

    pub(super) fn end(&self, run: &Run) -> Result<(), Error> {
        let name = self.name();
        let plan = self.stop_plan()?;
        let _span = trace::enter(trace::Span::Stop, name);
        self.tell(Moment::Stopping(&plan.signal.to_string()));
        let had_ended = run.guarded.state().exit.is_some();
        let state = self.inner.stop_run(run, plan.clone()).map_err(|error| {
            self.error(format!("{name} could not be stopped: {error}"))
                .timeout()
        })?;
        if state.killed {
            self.tell(Moment::Killed);
        }
        self.tell(Moment::Gone);
        if state.guard_died {
            let error =
                format!("the guard of {name} was killed; descendants of {name} may have survived");
            return Err(with_output(self.error_as_run(error, &run.as_run), run));
        }
        if !state.survivors.is_empty() {
            let headline =
                format!("{name} could not be stopped: some of its processes can't be killed");
            let error = self
                .error_as_run(headline, &run.as_run)
                .fact("left", state.survivors.join("\n"))
                .fact("hint", "these processes run as another user, such as set-user-id programs: only that user or root can end them");
            return Err(with_output(error, run));
        }
        if state.run_ended {
            let headline = format!("{name} was stopped before this test stopped it");
            return Err(with_output(self.error_as_run(headline, &run.as_run), run));
        }
        if !had_ended && !state.ended_unasked {
            self.check_exit(run, &plan, &state)?;
        }
        self.check_after_stop(&state)
    }

    /// Checks the exit status after a requested stop.
    fn check_exit(&self, run: &Run, plan: &StopPlan, state: &State) -> Result<(), Error> {
        let name = self.name();
        if state.killed && plan.grace >= WORTH_TELLING {
            progress::say(&format!(
                "{name} did not end within {:?} of {}, and was killed ({})",
                plan.grace, plan.signal, self.inner.spec.declared
            ));
        }
        let Some(status) = state.exit else {
            return Ok(());
        };
        let is_fine = match status.code() {
            Some(code) => match &self.inner.spec.expect_exit {
                Some(codes) => codes.allow(code),
                None => code == 0 || code == 128 + plan.signal.number(),
            },
            // A program that is killed does not choose its exit status.
            None => state.killed || plan.grace.is_zero() || plan.signal.has_ended(status),
        };
        if is_fine {
            return Ok(());
        }
        let how = how_it_ended(status);
        let mut hints = Vec::from_iter(self.hint_at_connections(plan));
        hints.push("if this exit code is fine, allow it with `expect_exit`".to_owned());
        let error = self
            .error_as_run(format!("{name} {how} when it was stopped"), &run.as_run)
            .fact("hint", hints.join("\n"))
            .exit(Some(status));
        Err(with_output(error, run))
    }

    /// Kills the process and all its descendants without grace. Returns when they have ended.
    ///
    /// ```
    /// let db = summon::SimpleExecutor::new("sleep 100");
    /// db.start()?;
    /// db.kill()?;
    /// assert!(!db.is_running());
    /// db.start()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process does not run, or is a fixture.
    pub fn kill(&self) -> Result<(), Error> {
        self.check_own("killed")?;
        let run = self.running("killed")?;
        run.cancel();
        run.expect_end();
        let plan = StopPlan::kill();
        let _span = trace::enter(trace::Span::Stop, self.name());
        self.tell(Moment::Killed);
        run.guarded
            .stop(plan)
            .map_err(|error| self.error(format!("{} could not be killed: {error}", self.name())))?;
        self.tell(Moment::Gone);
        Ok(())
    }
}

impl Drop for Inner {
    /// Stops the process, since no handle is left that could stop it later.
    fn drop(&mut self) {
        let run = &lock(&self.life).run.clone();
        if run.as_ref().is_some_and(|run| !run.guarded.is_ours()) {
            // This is a forked child's copy of the handle. The test still uses the original.
            return;
        }
        if std::thread::panicking() {
            // The test fails, and no scope has reported on this process.
            let begun = run.as_ref().and_then(|run| run.ready.get().copied());
            let failed = Failure::since(begun.unwrap_or_else(Instant::now));
            let told = self.postmortem(&failed, 0);
            if let Some(told) = told.filter(|_| run.is_some()) {
                eprintln!("\n{told}");
            }
        }
        let Some(run) = lock(&self.life).run.take() else {
            return;
        };
        if run.guarded.state().shared.is_some() {
            return;
        }
        if !std::thread::panicking() {
            // `drop` can't return the error.
            if let Err(error) = self.check_lived(&run) {
                eprintln!("{error}");
            }
        }
        let stop = StopPlan {
            signal: self.spec.stop_signal,
            only_leader: self.spec.signal_only_leader,
            command: run.stop_command.clone(),
            grace: self.spec.stop_timeout.get().unwrap_or_default(),
        };
        let _ = self.stop_run(&run, stop);
    }
}

impl Inner {
    /// Stops a run. Prints progress lines if that takes long.
    pub(super) fn stop_run(&self, run: &Run, plan: StopPlan) -> io::Result<State> {
        let mut progress = Progress::new(Instant::now());
        let asked = match &plan.command {
            Some(command) => {
                let program = command.first().map(|it| it.to_string_lossy());
                format!("`{}` asked it to", program.unwrap_or_default())
            }
            None => format!("it got {}", plan.signal),
        };
        let grace = plan.grace;
        run.guarded.stop_watched(plan, progress.due(), |state| {
            let left = match (state.exit, state.pids) {
                (Some(_), Some(pids)) => probe::left_behind(pids),
                _ => Vec::new(),
            };
            let who = match left.is_empty() {
                true => String::new(),
                false => format!(", which has left `{}` behind,", left.join("`, `")),
            };
            let name = self.name();
            progress.say(&format!(
                "waiting for {name}{who} to end: {asked}, and will be killed {grace:?} after that"
            ));
            progress.due()
        })
    }
}
