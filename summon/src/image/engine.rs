//! The container engine.
//!
//! summon uses an engine only through its command line. Each command has a limit, and runs below a
//! guard, so none outlives the test process.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::advice;
use super::asked::{Asked, Failed};
use super::kind::Kind;
use crate::error::Error;
use crate::guard::is_unstarted;

/// An engine that has answered.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(super) program: PathBuf,
    pub(super) kind: Kind,
    pub(super) version: String,
    pub(super) is_rootless: bool,
    /// The operating system that runs the containers, in the engine's words.
    pub(super) system: String,
}

impl Engine {
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Returns whether the engine runs without the rights of root, as the user of this process.
    pub(crate) fn is_rootless(&self) -> bool {
        self.is_rootless
    }

    /// Returns whether the containers run in the virtual machine of Docker Desktop.
    pub(crate) fn is_desktop(&self) -> bool {
        self.system == "Docker Desktop"
    }

    /// Returns whether a container with `--network host` has the network of this machine. Rootless Docker and
    /// the virtual machine of Docker Desktop have networks of their own.
    pub(crate) fn shares_network(&self) -> bool {
        let is_apart = self.is_rootless && self.kind == Kind::Docker;
        !(self.is_desktop() || is_apart)
    }

    /// Returns whether the engine has the container with this id, and has not started it so far.
    pub(crate) fn has_yet_to_start(&self, id: &str, deadline: Instant) -> bool {
        let question = ["container", "inspect", "--format", "{{.State.Status}}", id];
        let answer = self.ask(&question.map(OsString::from), deadline);
        answer.is_ok_and(|answer| is_unstarted(&String::from_utf8_lossy(answer.trim_ascii())))
    }

    /// Runs a command of the engine, and returns the last 16 KiB of its standard output.
    pub(crate) fn ask(&self, args: &[OsString], deadline: Instant) -> Result<Vec<u8>, Error> {
        let answer = self.asked(args).answer(deadline);
        answer.map_err(|failed| self.error(failed))
    }

    /// Runs a command like `ask`, and prints a message about a long wait.
    pub(super) fn ask_telling(
        &self,
        args: &[OsString],
        deadline: Instant,
        what: &str,
    ) -> Result<Vec<u8>, Error> {
        let answer = self.asked(args).answer_telling(deadline, what);
        answer.map_err(|failed| self.error(failed))
    }

    /// Asks about an object of the engine. `None` if there is no such object.
    pub(crate) fn ask_about(
        &self,
        args: &[OsString],
        deadline: Instant,
    ) -> Result<Option<Vec<u8>>, Error> {
        match self.asked(args).answer(deadline) {
            Ok(answer) => Ok(Some(answer)),
            Err(failed) if failed.is_absence() => Ok(None),
            Err(failed) => Err(self.error(failed)),
        }
    }

    /// Returns what to do about a complaint of the engine.
    pub(crate) fn hint_about(&self, said: &[u8]) -> Option<String> {
        advice::about(self.kind, said)
    }

    /// Returns what to do if the engine does not answer.
    pub(crate) fn hint_at_silence(&self) -> String {
        advice::if_silent(self.kind)
    }

    fn asked(&self, args: &[OsString]) -> Asked {
        let env: Vec<_> = env::vars_os().collect();
        let dir = env::current_dir().unwrap_or_else(|_| "/".into());
        Asked::new(&self.program, args, &env, &dir)
    }

    fn error(&self, failed: Failed) -> Error {
        let error = failed.into_error(self.kind);
        error.fact("engine", self.to_string())
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (version, program) = (&self.version, self.program.display());
        let rootless = if self.is_rootless { ", rootless" } else { "" };
        write!(f, "{} {version}{rootless} ({program})", self.kind)
    }
}
