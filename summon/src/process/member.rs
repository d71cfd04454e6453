//! A process as a member of a set and of a test: its place in the order, its turns, and its reports.

use std::sync::Arc;
use std::time::Instant;

use super::Process;
use super::output_window::Window;
use super::parts::Set;
use crate::annotation::SourceLine;
use crate::error::Error;
use crate::panicked::Failure;

impl Process {
    /// Sets the name, unless the process has a name.
    pub(crate) fn suggest_name(&self, name: &str) {
        self.parts.declaration.suggest_name(name);
    }

    /// Adds the process to a set. Its placeholders may then name the set's processes.
    pub(crate) fn join(&self, set: &Arc<Set>) {
        self.parts.join(set);
    }

    /// Returns the processes that must be ready before this one starts.
    pub(crate) fn predecessors(&self) -> Vec<String> {
        self.parts.declaration.predecessors()
    }

    /// Returns the fixed ports on this machine, lowest first. Does not include free ports that
    /// summon leases.
    pub(crate) fn fixed_ports(&self) -> Vec<u16> {
        self.parts.fixed_ports()
    }

    /// Gives the turns back, unless the process runs, is being started, or reuses a server.
    pub(crate) fn give_turns_back(&self) {
        self.parts.give_turns_back();
    }

    /// Returns the report for a failed test, with the output from the offset `since` on. `None` if
    /// the process never ran.
    pub(crate) fn postmortem(&self, failed: &Failure, since: u64) -> Option<Error> {
        self.parts.postmortem(failed, since)
    }

    /// Begins a part of the output that a test answers for, if the process has lines that it must
    /// not write.
    pub(crate) fn begin_window(&self) -> Option<Window> {
        let never = &self.parts.declaration.spec.never;
        (!never.is_empty()).then(|| Window::new(self.position()))
    }

    /// Returns an error if the window has a line that must not be there.
    pub(crate) fn check_never(&self, window: &Window) -> Result<(), Error> {
        match self.parts.life.launched() {
            Some(launched) => self.parts.check_never(&launched, window),
            None => Ok(()),
        }
    }

    /// Returns the error by which the stop of this process will fail, as far as it is known now.
    pub(crate) fn pending(&self) -> Option<Error> {
        let never = self.parts.pending_never();
        never.or_else(|| self.parts.pending_death(None))
    }

    /// Like `pending`, for a fixture that a test has used since `begun`.
    pub(crate) fn pending_since(&self, begun: Instant, window: Option<&Window>) -> Option<Error> {
        let launched = self.parts.life.launched()?;
        let never = window.and_then(|it| self.parts.look_never(&launched, it));
        never.or_else(|| self.parts.pending_death(Some(begun)))
    }

    /// Returns what the report of a failed test says about such a line.
    pub(crate) fn told_never(&self, window: &Window) -> Option<String> {
        let launched = self.parts.life.launched()?;
        let failed = Instant::now();
        let ago = |at| failed.saturating_duration_since(at);
        self.parts.told_never(&launched, window, ago)
    }

    /// Returns the place of the attribute or of the constructor.
    pub(crate) fn declared(&self) -> SourceLine {
        self.parts.declaration.spec.declared.place()
    }

    /// The text of the panic when a test sets an option while the process runs.
    pub(crate) fn changed_too_late(&self) -> Error {
        self.parts.declaration.error(format!(
            "{} runs, so its options can't change; set them before `start`, or call `stop` first",
            self.name()
        ))
    }

    /// Returns an error for a process that conflicts with its set.
    pub(crate) fn misplaced(&self, why: String) -> Error {
        self.parts.declaration.error(why)
    }
}

impl Set {
    /// Makes a set of processes, each with its name in the set.
    pub(crate) fn new<'a>(processes: impl Iterator<Item = (String, &'a Process)>) -> Arc<Set> {
        let member = |(name, process): (String, &Process)| (name, Arc::downgrade(&process.parts));
        Set::of(processes.map(member).collect())
    }
}
