//! Stopping: until nothing is left.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::life::Run;
use super::report::with_output;
use super::{Inner, Process, lock};
use crate::error::Error;
use crate::sys::Signal;
use crate::trace::{self, Moment};

impl Process {
    /// Stops the process, and returns when nothing of it is left, descendants included.
    ///
    /// Its process group gets the stop signal (TERM unless the builder was told otherwise). Who
    /// has left the group gets it when the group is gone. Whoever lives after the grace (10 s
    /// unless told otherwise) is killed. Stopping what does not run is fine; a start that is under
    /// way in another thread is given up.
    ///
    /// # Errors
    ///
    /// If its guard was killed, so that nobody can tell what is left, if it
    /// [must live](crate::Coordinated::must_live) and has ended by itself, or if it is a fixture.
    pub fn stop(&self) -> Result<(), Error> {
        self.check_own("stopped")?;
        let stopped = self.stop_in_turn();
        self.give_turns_back();
        stopped
    }

    /// As `stop`, but keeps the turn on a fixed port, for a start that follows.
    pub(super) fn stop_in_turn(&self) -> Result<(), Error> {
        let (run, starts) = {
            let mut life = lock(&self.inner.life);
            life.cancelled = life.starting;
            // It was there before us, and stays.
            life.reused = None;
            (life.run.clone(), life.starts)
        };
        let ended = match &run {
            Some(run) => {
                let lived = self.check_lived(run);
                run.cancel();
                run.expect_end();
                self.end(run).and(lived)
            }
            None => Ok(()),
        };
        // A start that had not come to a guard yet gives up on its own; nothing is left after it.
        let mut life = lock(&self.inner.life);
        // One that came later is none of ours.
        while life.starting && life.starts == starts {
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

    pub(super) fn end(&self, run: &Run) -> Result<(), Error> {
        let name = self.name();
        let plan = self.stop_plan()?;
        let _span = trace::enter(trace::Span::Stop, name);
        self.tell(Moment::Stopping(&plan.signal.to_string()));
        let state = run.guarded.stop(plan).map_err(|error| {
            self.error(format!("{name} could not be stopped: {error}"))
                .timeout()
        })?;
        if state.killed {
            self.tell(Moment::Killed);
        }
        self.tell(Moment::Gone);
        if state.guard_died {
            let error = self.error(format!(
                "the guard of {name} was killed; descendants of {name} may have survived"
            ));
            return Err(with_output(error, run));
        }
        Ok(())
    }

    /// Kills the process and all its descendants, without grace, and returns when they are gone.
    ///
    /// # Errors
    ///
    /// If the process does not run, or is a fixture.
    pub fn kill(&self) -> Result<(), Error> {
        self.check_own("killed")?;
        let run = self.running("killed")?;
        run.cancel();
        run.expect_end();
        let plan = crate::sys::guard::StopPlan {
            signal: Signal::KILL,
            grace: Duration::ZERO,
        };
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
    /// Stops what still runs: the handle is gone, so nobody else could.
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The test fails, and no scope has told of this process.
            if let Some(told) = self
                .postmortem(0)
                .filter(|_| lock(&self.life).run.is_some())
            {
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
            // This is no place for a failure.
            if let Err(error) = self.check_lived(&run) {
                eprintln!("{error}");
            }
        }
        let stop = crate::sys::guard::StopPlan {
            signal: self.spec.stop_signal,
            grace: self.spec.stop_timeout.get().unwrap_or_default(),
        };
        let _ = run.guarded.stop(stop);
    }
}
