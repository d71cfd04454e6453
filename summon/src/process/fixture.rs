//! Processes that are fixtures: which verbs they allow, and who uses them.

use std::any::Any;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

use super::life::Run;
use super::report::with_output;
use super::{Process, lock};
use crate::error::Error;

use crate::sys;
use crate::sys::signal::how_it_ended;
use crate::trace::test_name;

/// The fixture state of a process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fixture {
    name: &'static str,
    /// Whether the first use has started the fixture and run its setup.
    begun: bool,
    /// The thread that stops the fixture for good. Set when that stop begins.
    ender: Option<u64>,
}

impl Process {
    /// Makes the process a fixture of this name, which tests may not stop.
    pub(crate) fn become_fixture(&self, name: &'static str) {
        self.suggest_name(name);
        *lock(&self.inner.fixture) = Some(Fixture {
            name,
            begun: false,
            ender: None,
        });
    }

    /// Returns whether many tests share the process.
    pub(crate) fn is_fixture(&self) -> bool {
        lock(&self.inner.fixture).is_some()
    }

    /// Notes that the first use has started the fixture.
    pub(crate) fn begin_as_fixture(&self) {
        if let Some(fixture) = &mut *lock(&self.inner.fixture) {
            fixture.begun = true;
        }
    }

    /// Allows this thread, and no other, to stop the fixture for good.
    pub(crate) fn end_as_fixture(&self) {
        if let Some(fixture) = &mut *lock(&self.inner.fixture) {
            fixture.ender = Some(sys::this_thread());
        }
    }

    /// Notes that a test begins to use the fixture, at the log offset `since`. Returns the number
    /// for `end_use`.
    pub(crate) fn begin_use(&self, since: u64) -> Option<u64> {
        let run = lock(&self.inner.life).run.clone()?;
        Some(run.guarded.begin_use(test_name(), since))
    }

    pub(crate) fn end_use(&self, number: u64) {
        if let Some(run) = &lock(&self.inner.life).run {
            run.guarded.end_use(number);
        }
    }

    /// Removes the files of a fixture. No destructor does this, since statics are never dropped.
    pub(crate) fn clear(&self) {
        lock(&self.inner.life).run = None;
        *lock(&self.inner.home) = None;
    }

    /// Returns an error if the operation would affect other tests, or the parent of a forked child.
    pub(super) fn check_own(&self, verb: &str) -> Result<(), Error> {
        let is_ours = |run: &Arc<Run>| run.guarded.is_ours();
        if !lock(&self.inner.life).run.as_ref().is_none_or(is_ours) {
            return Err(self.error(format!(
                "{} can't be {verb} by a forked child of the process that started it",
                self.name()
            )));
        }
        match &*lock(&self.inner.fixture) {
            None => Ok(()),
            Some(fixture) if fixture.ender == Some(sys::this_thread()) => Ok(()),
            Some(fixture) => Err(self.error(format!(
                "{} is a fixture that other tests use, so it can't be {verb}; \
                 declare a process for this test with `#[summon(..)]`",
                fixture.name
            ))),
        }
    }

    /// Returns an error if the first use has started the fixture, or a thread has stopped it for
    /// good. While a process exits, other threads still run, and could start the fixture again
    /// after its stop.
    pub(super) fn check_not_begun(&self) -> Result<(), Error> {
        match &*lock(&self.inner.fixture) {
            Some(fixture) if fixture.begun || fixture.ender.is_some() => Err(self
                .error(format!(
                    "{} is a fixture, which is started once, by its first use",
                    fixture.name
                ))
                .already_running()),
            _ => Ok(()),
        }
    }

    /// Returns an error with the output of the process, for a failed setup.
    pub(crate) fn explain(&self, why: String, panic: Option<Box<dyn Any + Send>>) -> Error {
        let failed = Instant::now();
        let run = lock(&self.inner.life).run.clone();
        let error = match &run {
            Some(run) => self.error_as_run(why, &run.as_run),
            None => self.error(why),
        };
        let error = match panic {
            Some(panic) => error.panicked(&*panic),
            None => error,
        };
        let Some(run) = run else { return error };
        let error = match run.guarded.post_mortem(failed).exit {
            Some(status) => error.fact("ended", format!("it {}", how_it_ended(status))),
            None => error,
        };
        with_output(error, &run)
    }

    /// Feeds all options, which distinguish this process from other processes of its name.
    pub(crate) fn hash_options(&self, state: &mut impl Hasher) {
        self.inner.spec.hash(state);
        for probe in &self.inner.probes {
            probe.hash_options(state);
        }
    }
}
