//! Resolves a declaration: fills in its placeholders, and checks every value. Takes no resource.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::parts::Parts;
use crate::command::Command;
use crate::error::Error;
use crate::guard::{Program, StopPlan};
use crate::stdin::Kind;
use crate::sys::Signal;
use crate::sys::users::User;

/// Variables that a service manager sets for the test process alone. Processes do not inherit them.
const OF_SERVICE_MANAGERS: [&str; 6] = [
    "NOTIFY_SOCKET",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
];

/// A declaration with all placeholders filled in.
pub(super) struct Resolved {
    pub(super) argv: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) dir: PathBuf,
    pub(super) user: Option<User>,
    /// The file for the standard input, if it is a file.
    pub(super) stdin: Option<PathBuf>,
    pub(super) stop: StopPlan,
    pub(super) after_stop: Vec<Vec<OsString>>,
    pub(super) log_limit: u64,
}

impl Parts {
    pub(super) fn resolve(&self) -> Result<Resolved, Error> {
        let (declaration, spec) = (&self.declaration, &self.declaration.spec);
        let (argv, env) = (self.argv()?, self.environment()?);
        let texts = argv.iter().chain(env.iter().map(|(_, value)| value));
        if let Some(text) = texts.into_iter().find(|text| has_nul(text)) {
            return Err(declaration.bad(format!("{text:?} contains a NUL byte")));
        }
        let dir = self.working_directory()?;
        let stdin = match &spec.stdin.0 {
            Kind::File(path) => Some(dir.join(self.fill_os(path.as_os_str())?)),
            Kind::Null | Kind::Text(_) | Kind::Piped => None,
        };
        let words_of = |command: &Command| self.words_of(command);
        Ok(Resolved {
            argv,
            env,
            dir,
            user: declaration.user()?,
            stdin,
            stop: StopPlan {
                command: spec.stop_command.as_ref().map(words_of).transpose()?,
                grace: declaration.limit(&spec.stop_timeout)?,
                ..self.stop_by_signal()
            },
            after_stop: spec
                .after_stop
                .iter()
                .map(words_of)
                .collect::<Result<_, _>>()?,
            log_limit: spec.log_limit.get().map_err(|why| declaration.bad(why))?,
        })
    }

    /// Returns the plan for a stop without the `stop_command`.
    pub(super) fn stop_by_signal(&self) -> StopPlan {
        let spec = &self.declaration.spec;
        StopPlan {
            signal: spec
                .stop_signal
                .or_else(|| self.declaration.image_stop_signal())
                .unwrap_or(Signal::TERM),
            only_leader: spec.signal_only_leader,
            command: None,
            grace: spec.stop_timeout.get().unwrap_or_default(),
        }
    }

    /// Returns the signal of a stop after which nobody needs the files, beside the plan of other stops.
    pub(super) fn last_signal(&self, stop: &StopPlan) -> Signal {
        self.declaration.spec.last_signal.unwrap_or(stop.signal)
    }

    /// Returns a helper command that runs like the process: same directory, environment, user, and
    /// attributes.
    pub(super) fn helper(&self, command: &Command) -> Result<Program, Error> {
        let stem = command.stem().unwrap_or_default();
        self.helper_with(&stem, self.argv_of_helper(command)?)
    }

    /// Returns a helper command with these words.
    pub(super) fn helper_with(&self, stem: &str, argv: Vec<OsString>) -> Result<Program, Error> {
        Ok(Program {
            name: format!("{stem} for {}", self.name()),
            argv,
            env: self.environment()?,
            dir: self.working_directory()?,
            user: self.declaration.user()?,
            attributes: self.declaration.spec.attributes.clone(),
            stdin: None,
            outlives_guard: false,
            sockets: Vec::new(),
        })
    }

    /// Returns the words of a helper command, which runs in the container if there is one.
    fn argv_of_helper(&self, command: &Command) -> Result<Vec<OsString>, Error> {
        let words = self.words_of(command)?;
        match self.present_container()? {
            Some(contained) => Ok(contained.exec(words)),
            None => Ok(words),
        }
    }

    /// Returns the words of the command line, with placeholders filled in.
    pub(super) fn argv(&self) -> Result<Vec<OsString>, Error> {
        let spec = &self.declaration.spec;
        let words = spec.argv().map_err(|why| self.declaration.bad(why))?;
        let fill = |(index, word): (usize, &OsString)| match word.to_str() {
            // The command line after `/bin/sh -c`.
            Some(line) if spec.shell && index == 2 => Ok(self.fill_for_shell(line)?.into()),
            _ => self.fill_os(word),
        };
        words.iter().enumerate().map(fill).collect()
    }

    /// Returns the test's environment with the declared changes.
    pub(super) fn environment(&self) -> Result<Vec<(OsString, OsString)>, Error> {
        let mut env: Vec<(OsString, OsString)> = std::env::vars_os().collect();
        env.retain(|(name, _)| !OF_SERVICE_MANAGERS.iter().any(|other| name == other));
        // The engine's client has the test's own environment, and passes the changes on.
        let changes = self.declaration.spec.env.iter();
        for (name, value) in changes.filter(|_| !self.declaration.has_image()) {
            if !is_variable(name) {
                return Err(self.declaration.bad(format!(
                    "{name:?} is not a valid name of an environment variable"
                )));
            }
            env.retain(|(other, _)| other != name);
            if let Some(value) = value {
                env.push((name.clone(), self.fill_os(value)?));
            }
        }
        Ok(env)
    }

    /// Returns the words of a helper command, with placeholders filled in.
    pub(super) fn words_of(&self, command: &Command) -> Result<Vec<OsString>, Error> {
        let words = command.words().map_err(|why| self.declaration.bad(why))?;
        words.iter().map(|word| self.fill_os(word)).collect()
    }

    /// Returns the working directory as an absolute path, since the guard has a different working
    /// directory than the test.
    pub(super) fn working_directory(&self) -> Result<PathBuf, Error> {
        let here = std::env::current_dir().map_err(|error| {
            self.declaration
                .bad(format!("the test has no working directory: {error}"))
        })?;
        let dir = self.declaration.spec.current_dir.as_ref();
        Ok(match dir.filter(|_| !self.declaration.has_image()) {
            Some(dir) => here.join(self.fill_os(dir.as_os_str())?),
            None => here,
        })
    }
}

/// Returns whether an environment variable may have this name.
pub(crate) fn is_variable(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    !bytes.is_empty() && !bytes.contains(&b'=') && !has_nul(name)
}

fn has_nul(text: &OsStr) -> bool {
    text.as_encoded_bytes().contains(&0)
}
