//! The verbs of a process in a container. The engine carries them out.

use std::ffi::{OsStr, OsString};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use super::container::Contained;
use crate::error::{Error, shown_command};
use crate::sys::{Signal, wait};

/// The limit of a command of the engine.
pub(super) const LIMIT: Duration = Duration::from_secs(30);
/// The pause before a removal is repeated. No engine tells a client when that is worth it.
const PAUSE: Duration = Duration::from_millis(20);

impl Contained {
    /// Signals the main process.
    pub(super) fn signal(&self, signal: Signal) -> Result<(), Error> {
        let number = signal.number().to_string();
        self.ask(&["kill", "-s", &number, &self.name], LIMIT)
            .map(drop)
    }

    /// Returns the command that runs these words in the container.
    pub(super) fn exec(&self, words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
        let args = ["exec".into(), OsString::from(&self.name)];
        self.command(args.into_iter().chain(words))
    }

    /// Calls `body` while all processes of the container are halted.
    pub(super) fn paused<R>(&self, body: impl FnOnce() -> R) -> Result<R, Error> {
        self.ask(&["pause", &self.name], LIMIT)?;
        let result = catch_unwind(AssertUnwindSafe(body));
        let resumed = self.ask(&["unpause", &self.name], LIMIT);
        // Docker resumes a container that gets a signal.
        let resumed = resumed.or_else(|error| match self.is_paused(LIMIT) {
            Ok(false) => Ok(Vec::new()),
            _ => Err(error),
        });
        match result {
            Ok(result) => resumed.map(|_| result),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Returns whether all processes of the container are halted. Asks the engine for at most `limit`.
    pub(super) fn is_paused(&self, limit: Duration) -> Result<bool, Error> {
        let question = [
            "container",
            "inspect",
            "--format",
            "{{.State.Paused}}",
            &self.name,
        ];
        let answer = self.ask(&question, limit)?;
        Ok(answer.trim_ascii() == b"true")
    }

    /// Returns the command that opens a shell in the container, for a person.
    pub(super) fn shown_shell(&self) -> String {
        let args = ["exec", "-it", self.shown_name(), "sh"].map(OsStr::new);
        shown_command([self.stem()].into_iter().chain(args))
    }

    /// Returns the name as a list of the engine shows it: the first part of an id.
    pub(super) fn shown_name(&self) -> &str {
        self.name.get(..12).unwrap_or(&self.name)
    }

    /// Returns the command that removes the container, for a person.
    pub(super) fn shown_removal(&self) -> String {
        let args = ["rm", "-f", "-v", &self.name].map(OsString::from);
        shown_command(self.command(args).iter().map(OsString::as_os_str))
    }

    /// Removes the container in the place of its guard, which was killed. Returns when it is gone.
    pub(super) fn remove(&self) -> Result<(), Error> {
        let until = Instant::now() + LIMIT;
        let filter = format!("id={}", self.name);
        loop {
            let removed = self.ask(&["rm", "-f", "-v", &self.name], LIMIT);
            // The warden removes it too, and an engine refuses the second removal at once. The ports of
            // the container are free when it is no longer listed.
            let listed = self.ask(&["ps", "-a", "-q", "--filter", &filter], LIMIT)?;
            if listed.trim_ascii().is_empty() {
                return Ok(());
            }
            if Instant::now() >= until {
                return removed.map(drop);
            }
            let _ = wait::sleep(&[], Some(Instant::now() + PAUSE));
        }
    }
}
