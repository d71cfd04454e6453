//! Stops a process and all its descendants.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::Process;
use super::launched::Launched;
use super::parts::Parts;
use crate::error::Error;
use crate::guard::{State, StopPlan};
use crate::hold;
use crate::panicked::{self, Failure};
use crate::progress;
use crate::sys::signal::how_it_ended;
use crate::trace::{self, Moment, this_test};

/// The shortest grace after which summon reports a kill: a program that ignores its stop signal then
/// slows the tests down.
const WORTH_TELLING: Duration = Duration::from_secs(1);

impl Parts {
    /// Stops the process, and keeps the turns on fixed ports for the next start.
    pub(super) fn stop(&self) -> Result<(), Error> {
        let stopping = self.life.begin_stop();
        let ended = match &stopping.launched {
            Some(launched) => self.end_expected(launched),
            None => Ok(()),
        };
        self.life.end_stop(&stopping);
        ended
    }

    /// Ends a launch that the test stops. Returns an error if it has ended unasked before, and must
    /// live.
    fn end_expected(&self, launched: &Arc<Launched>) -> Result<(), Error> {
        // Settle before the check: a program that is about to fork away then does so before the
        // stop.
        if !self.declaration.is_job() {
            launched.settle();
        }
        let lived = self.check_lived(launched);
        // Before the stop: its output does not count.
        let quiet = self.check_never_of(launched);
        let is_surprise = launched.expect_end();
        let ended = self.end(launched);
        // The program may have been ending before the stop, unknown to `check_lived`.
        let died = is_surprise && launched.guarded.state().ended_unasked;
        let lived = lived.and_then(|()| match died {
            true => self.check_had_lived(launched),
            false => Ok(()),
        });
        // The line is more likely to be the cause of the other errors than their effect.
        quiet.and(ended).and(lived)
    }

    /// Ends a launch, and checks how it has ended.
    pub(super) fn end(&self, launched: &Launched) -> Result<(), Error> {
        let name = self.name();
        let stop = &match self.life.stops_for_good() {
            true => launched.last_stop(),
            false => launched.stop.clone(),
        };
        let _span = trace::enter(trace::Span::Stop, name);
        self.tell(Moment::Stopping(&stop.signal.to_string()));
        let had_ended = launched.guarded.state().exit.is_some();
        let state = launched.stop(name, stop).map_err(|error| {
            let why = format!("{name} could not be stopped: {error}");
            self.declaration.error(why).timeout()
        })?;
        if state.killed {
            self.tell(Moment::Killed);
        }
        self.tell(Moment::Gone);
        let failed = |headline: String| self.error_with_output(headline, launched);
        if state.guard_died {
            self.remove_container_of(launched)?;
            return Err(failed(format!(
                "the guard of {name} was killed; descendants of {name} may have survived"
            )));
        }
        if !state.survivors.is_empty() {
            let headline =
                format!("{name} could not be stopped: some of its processes can't be killed");
            return Err(failed(headline)
                .fact("left", state.survivors.join("\n"))
                .fact("hint", "these processes run as another user, such as set-user-id programs: only that user or root can end them"));
        }
        if let Some(left) = &state.told.left {
            let remove = self.container_of(launched)?;
            let remove = remove.map(|it| format!("remove it with `{}`", it.shown_removal()));
            let headline = format!("{name} could not be stopped: its container is still there");
            return Err(failed(headline).said(&left.output).hints(remove));
        }
        if state.run_ended {
            return Err(failed(format!(
                "{name} was stopped before this test stopped it"
            )));
        }
        if !had_ended && !state.ended_unasked {
            self.check_exit(launched, &state, stop)?;
        }
        self.check_after_stop(&state)
    }

    /// Removes the container of a launch whose guard was killed, so that the next launch gets its ports.
    pub(super) fn remove_container_of(&self, launched: &Launched) -> Result<(), Error> {
        if let Some(contained) = self.container_of(launched)? {
            contained.remove()?;
            self.await_end_of_helpers();
        }
        Ok(())
    }

    /// Checks the exit status after a requested stop.
    fn check_exit(&self, launched: &Launched, state: &State, stop: &StopPlan) -> Result<(), Error> {
        let name = self.name();
        let (declaration, spec) = (&self.declaration, &self.declaration.spec);
        if state.killed && stop.grace >= WORTH_TELLING {
            progress::say(&format!(
                "{name} did not end within {:?} of {}, and was killed ({})",
                stop.grace, stop.signal, spec.declared
            ));
        }
        let Some(status) = state.exit else {
            return Ok(());
        };
        // An engine ends a container by KILL in the end, which the client reports as a code.
        let was_killed = state.killed || stop.grace.is_zero() || launched.was_killed_at_once();
        let is_fine = match status.code() {
            Some(_) if was_killed && declaration.has_image() => true,
            // This signal lets the program give up its work.
            Some(_) if spec.last_signal == Some(stop.signal) => true,
            Some(code) => match &spec.expect_exit {
                Some(codes) => codes.allow(code),
                None => code == 0 || code == 128 + stop.signal.number(),
            },
            // A program that is killed does not choose its exit status.
            None => state.killed || stop.grace.is_zero() || stop.signal.has_ended(status),
        };
        if is_fine {
            return Ok(());
        }
        let how = how_it_ended(status);
        let mut hints = Vec::from_iter(self.hint_at_connections(stop));
        hints.push("if this exit code is fine, allow it with `expect_exit`".to_owned());
        let headline = format!("{name} {how} when it was stopped");
        let error = declaration
            .error_as_launched(headline, &launched.invocation)
            .fact("hint", hints.join("\n"))
            .exit(Some(status));
        Err(launched.with_output(error))
    }

    /// Kills the process without grace. Returns when all its processes have ended.
    pub(super) fn kill(&self, launched: &Launched) -> Result<(), Error> {
        self.life.cancel_start();
        launched.expect_end();
        let _span = trace::enter(trace::Span::Stop, self.name());
        self.tell(Moment::Killed);
        launched.guarded.stop(StopPlan::kill()).map_err(|error| {
            let why = format!("{} could not be killed: {error}", self.name());
            self.declaration.error(why)
        })?;
        self.tell(Moment::Gone);
        Ok(())
    }
}

/// A launch that no handle can stop any more.
struct Abandoned {
    launched: Arc<Launched>,
    /// Whether it has written no forbidden line.
    quiet: Result<(), Error>,
}

impl Parts {
    /// Reports on the process, and takes its launch. `None` if it does not run.
    fn abandon(&self) -> Option<Abandoned> {
        let launched = self.life.launched();
        if launched.as_ref().is_some_and(|it| !it.guarded.is_ours()) {
            // This is a forked child's copy of the handle. The test still uses the original.
            return None;
        }
        let is_panicking = thread::panicking();
        if is_panicking {
            // The test fails, and no scope has reported on this process.
            let begun = launched.as_ref().and_then(|it| it.ready.get().copied());
            let failed = Failure::since(begun.unwrap_or_else(Instant::now));
            let told = self.postmortem(&failed, 0);
            let is_told = hold::is_held(&this_test());
            if let Some(told) = told.filter(|_| launched.is_some() && !is_told) {
                eprintln!("\n{told}");
            }
        }
        let launched = self.life.forget()?;
        if launched.guarded.state().shared.is_some() {
            return None;
        }
        let mut quiet = Ok(());
        if !is_panicking {
            // `drop` can't return the error.
            if let Err(error) = self.check_lived(&launched) {
                eprintln!("{error}");
            }
            quiet = self.check_never_of(&launched);
        }
        Some(Abandoned { launched, quiet })
    }
}

impl Drop for Parts {
    /// Stops the process, since no handle is left that could stop it later.
    fn drop(&mut self) {
        let Some(Abandoned { launched, quiet }) = self.abandon() else {
            return;
        };
        let _ = launched.stop(self.name(), &launched.last_stop());
        // A test that does not call `stop` must not pass.
        if let Err(error) = quiet {
            panicked::by_check(&error);
        }
    }
}

impl Process {
    /// Stops processes side by side, as the drops of their last handles would do one after the other.
    pub(crate) fn drop_together(processes: &[Process]) {
        processes.iter().for_each(|it| it.parts.hold_at_drop(true));
        // All reports come before the first stop: a node may end because of another one's end.
        let all = processes.iter().map(|it| (it, it.parts.abandon()));
        let all: Vec<_> = all.filter_map(|(it, found)| Some((it, found?))).collect();
        thread::scope(|scope| {
            for (process, Abandoned { launched, .. }) in &all {
                let stop = || drop(launched.stop(process.name(), &launched.last_stop()));
                // A drop must not panic because there is no thread.
                if thread::Builder::new().spawn_scoped(scope, stop).is_err() {
                    stop();
                }
            }
        });
        let quiet: Result<Vec<()>, Error> = all.into_iter().map(|(_, it)| it.quiet).collect();
        if let Err(error) = quiet {
            panicked::by_check(&error);
        }
    }
}
