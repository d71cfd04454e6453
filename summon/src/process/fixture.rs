//! The limits on verbs: only the maker of a process moves it, and tests do not stop a fixture.

use std::any::Any;
use std::hash::Hasher;
use std::sync::Arc;
use std::time::Instant;

use super::Process;
use super::launched::Launched;
use super::life::Fixture;
use super::parts::Parts;
use crate::error::Error;
use crate::sys::signal::how_it_ended;
use crate::trace::test_name;

impl Parts {
    /// Returns an error if the operation would affect other tests, or the parent of a forked child.
    pub(super) fn check_own(&self, verb: &str) -> Result<(), Error> {
        let declaration = &self.declaration;
        let launched = self.life.launched();
        let launched = launched.as_ref();
        if launched.is_some_and(|launched| !launched.guarded.is_ours()) {
            return Err(declaration.error(format!(
                "{} can't be {verb} by a forked child of the process that started it",
                self.name()
            )));
        }
        // Before its first use, only its executor and its setup know the fixture, unless another test
        // process has started it.
        let is_shared = launched.is_some_and(|it| it.guarded.state().shared.is_some());
        let is_used = |fixture: &Fixture| is_shared || fixture.is_begun();
        let fixture = self.life.fixture().filter(is_used);
        match fixture.filter(|fixture| !fixture.is_ended_here()) {
            None => Ok(()),
            Some(fixture) => Err(declaration.error(format!(
                "{} is a fixture that other tests use, so it can't be {verb}; \
                 declare a process for this test with `#[summon(..)]`",
                fixture.name
            ))),
        }
    }

    /// Returns the launch if the program runs, and this thread may move it.
    pub(super) fn running_own(&self, verb: &str) -> Result<Arc<Launched>, Error> {
        self.check_own(verb)?;
        let launched = self.life.launched();
        if let Some(running) = launched.as_ref().filter(|it| it.pid().is_some()) {
            return Ok(Arc::clone(running));
        }
        let why = match self.life.is_reused() {
            true => "summon found it running, and does not control it",
            false => "it is not running",
        };
        let why = format!("{} can't be {verb}: {why}", self.name());
        let hint = launched.and_then(|launched| self.forked_away(&launched));
        Err(self.declaration.error(why).hints(hint))
    }
}

impl Process {
    /// Makes the process a fixture of this name. Then tests can't stop it.
    pub(crate) fn become_fixture(&self, name: &'static str) {
        self.suggest_name(name);
        self.parts.life.become_fixture(name);
    }

    /// Returns whether many tests share the process.
    pub(crate) fn is_fixture(&self) -> bool {
        self.parts.life.fixture().is_some()
    }

    /// Notes that the first use has started the fixture.
    pub(crate) fn begin_as_fixture(&self) {
        self.parts.life.begin_as_fixture();
    }

    /// Allows this thread, and no other, to stop the fixture for good.
    pub(crate) fn end_as_fixture(&self) {
        self.parts.life.end_as_fixture();
    }

    /// Notes that a test begins to use the fixture, at the log offset `since`. Returns the number
    /// for `end_use`.
    pub(crate) fn begin_use(&self, since: u64) -> Option<u64> {
        let launched = self.parts.life.launched()?;
        Some(launched.guarded.begin_use(test_name(), since))
    }

    pub(crate) fn end_use(&self, number: u64) {
        if let Some(launched) = self.parts.life.launched() {
            launched.guarded.end_use(number);
        }
    }

    /// Returns the URL of a fixture that runs, with its default database. `None` if it has no port.
    pub(crate) fn own_url(&self) -> Option<String> {
        let has_port = self.parts.has_port();
        has_port.then(|| self.parts.url().ok()).flatten()
    }

    /// Frees what a fixture has. No destructor does this, since statics are never dropped.
    pub(crate) fn clear(&self) {
        drop(self.parts.life.forget());
        self.parts.resources.clear();
    }

    /// Returns an error with the output of the process, for a failed setup.
    pub(crate) fn explain(&self, why: String, panic: Option<Box<dyn Any + Send>>) -> Error {
        let failed = Instant::now();
        let (launched, declaration) = (self.parts.life.launched(), &self.parts.declaration);
        let error = match &launched {
            Some(launched) => declaration.error_as_launched(why, &launched.invocation),
            None => declaration.error(why),
        };
        let error = match panic {
            Some(panic) => error.panicked(&*panic),
            None => error,
        };
        let Some(launched) = launched else {
            return error;
        };
        let error = match launched.guarded.post_mortem(failed).exit {
            Some(status) => error.fact("ended", format!("it {}", how_it_ended(status))),
            None => error,
        };
        launched.with_output(error)
    }

    /// Feeds all options, which distinguish this process from other processes of its name.
    pub(crate) fn hash_options(&self, state: &mut impl Hasher) {
        self.parts.declaration.hash_options(state);
    }
}
