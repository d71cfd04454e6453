//! One command of an engine, run to its end or to its limit.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::Instant;

use super::advice;
use super::kind::Kind;
use crate::error::{Error, shown_command};
use crate::exec_error::Attempt;
use crate::guard::{Attributes, Helper, HelperError, Program};
use crate::progress::Progress;
use crate::sys::fd::BorrowedFd;
use crate::sys::signal::how_it_ended;
use crate::sys::status::from_raw;
use crate::sys::wait;

/// A command of an engine.
pub(super) struct Asked(Program);

/// A command of an engine that has not succeeded.
pub(super) struct Failed {
    command: String,
    why: String,
    /// The words of the engine.
    said: Vec<u8>,
    is_late: bool,
}

impl Asked {
    pub(super) fn new(
        program: &Path,
        args: &[OsString],
        env: &[(OsString, OsString)],
        dir: &Path,
    ) -> Asked {
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        let mut argv = vec![program.as_os_str().to_owned()];
        argv.extend_from_slice(args);
        Asked(Program {
            name: name.into_owned(),
            argv,
            env: env.to_vec(),
            dir: dir.to_owned(),
            user: None,
            attributes: Attributes::default(),
            stdin: None,
            outlives_guard: false,
            sockets: Vec::new(),
        })
    }

    /// Runs the command, and returns its standard output if it succeeds.
    pub(super) fn answer(&self, until: Instant) -> Result<Vec<u8>, Failed> {
        // The guard ends the command at the limit, and answers.
        self.answer_with(until, |answer| wait::sleep(&[answer], None).map(drop))
    }

    /// Runs the command, and prints a message about a long wait.
    pub(super) fn answer_telling(&self, until: Instant, what: &str) -> Result<Vec<u8>, Failed> {
        let began = Instant::now();
        let mut progress = Progress::new(began);
        self.answer_with(until, |answer| {
            while !wait::sleep(&[answer], Some(progress.due()))? {
                progress.say(&format!("{what}, for {:.0?} so far", began.elapsed()));
            }
            Ok(())
        })
    }

    /// `sleep` returns when the descriptor is readable.
    fn answer_with(
        &self,
        until: Instant,
        sleep: impl FnOnce(BorrowedFd<'_>) -> io::Result<()>,
    ) -> Result<Vec<u8>, Failed> {
        let broken = |error: io::Error| self.failed(format!("can't be run: {error}"));
        let helper = Helper::hire(&self.0, until).map_err(broken)?;
        let limit = until.saturating_duration_since(Instant::now());
        let ran = helper
            .run_apart(limit, |answer| sleep(answer).map(|()| true))
            .map_err(|error| match error {
                HelperError::Refused(_, error) => {
                    let Program { argv, env, dir, .. } = &self.0;
                    let why = Attempt::new(argv, env, dir).in_one_line(&error);
                    self.failed(format!("can't be run: {why}"))
                }
                HelperError::GivenUp => self.failed("was not awaited".to_owned()),
                HelperError::Broken(error) => broken(error),
            })?;
        let (why, is_late) = match ran.status.map(from_raw) {
            Some(status) if status.success() => return Ok(ran.output),
            Some(status) => (how_it_ended(status), false),
            None => (format!("did not answer within {limit:.1?}"), true),
        };
        let said = match ran.errors.is_empty() {
            true => ran.output,
            false => ran.errors,
        };
        Err(Failed {
            said,
            is_late,
            ..self.failed(why)
        })
    }

    fn failed(&self, why: String) -> Failed {
        Failed {
            command: shown_command(self.0.argv.iter().map(OsString::as_os_str)),
            why,
            said: Vec::new(),
            is_late: false,
        }
    }
}

impl Failed {
    /// Returns whether the engine says that it has no such object.
    pub(super) fn is_absence(&self) -> bool {
        let said = String::from_utf8_lossy(&self.said).to_lowercase();
        let words = [
            "no such image",
            "image not known",
            "no such object",
            "no such container",
        ];
        words.iter().any(|words| said.contains(words))
    }

    pub(super) fn into_error(self, kind: Kind) -> Error {
        let error = Error::new(format!("{kind} failed: `{}` {}", self.command, self.why));
        let error = error.said(&self.said);
        match self.is_late {
            true => error.hints([advice::if_silent(kind)]).timeout(),
            false => error.hints(advice::about(kind, &self.said)),
        }
    }
}
