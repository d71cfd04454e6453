//! Files and helper commands of a process: files and commands before the start, readiness commands,
//! and commands after the stop.

use std::io;
use std::time::{Duration, Instant};

use super::{Process, lock};
use crate::command::Command;
use crate::contents::directory_mode;
use crate::error::{Error, shown_command};
use crate::guard::{Helper, HelperError, Program, Ran, State, Step};
use crate::sys::dir::Dir;
use crate::sys::fd::BorrowedFd;
use crate::sys::place;
use crate::sys::signal::how_it_ended;
use crate::sys::status::from_raw;
use crate::sys::{wait, walk};
use crate::trace::Moment;
use crate::unrunnable::Attempt;

/// The interval of checks for a cancelled start.
const GIVE_UP: Duration = Duration::from_millis(50);

impl Process {
    /// Returns a helper command that runs like the process: same directory, environment, user, and
    /// attributes.
    pub(super) fn helper(&self, command: &Command) -> Result<Program, Error> {
        let stem = command.stem().unwrap_or_default();
        Ok(Program {
            name: format!("{stem} for {}", self.name()),
            argv: self.words_of(command)?,
            env: self.environment()?,
            dir: self.working_directory()?,
            user: self.user()?,
            attributes: self.inner.spec.attributes.clone(),
            stdin: None,
            sockets: Vec::new(),
        })
    }

    /// Creates the declared directories and files before the first start. Later starts leave them
    /// as they are.
    pub(super) fn write_files(&self) -> Result<(), Error> {
        if lock(&self.inner.life).prepared {
            return Ok(());
        }
        let home = self.home()?;
        let dir = self.try_dir()?.display().to_string();
        self.write_files_in(&dir, || home.open_dir(), |_| true)
    }

    /// Creates the declared directories and those files that `is_wanted` accepts. `dir` is the path
    /// of the directory.
    pub(super) fn write_files_in(
        &self,
        dir: &str,
        open: impl Fn() -> io::Result<Dir>,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<(), Error> {
        let (spec, access) = (&self.inner.spec, self.access()?);
        for (name, mode) in &spec.dirs {
            let made = directory_mode(*mode)
                .and_then(|mode| place::directory(open()?, name, mode, access));
            made.map_err(|error| {
                let name = name.display();
                self.bad(format!("its directory `{name}` can't be made: {error}"))
            })?;
        }
        let files = spec.files.iter();
        for (name, contents) in files.filter(|(_, contents)| is_wanted(&contents.text)) {
            let text = self.fill_in(contents.text.as_ref(), dir)?;
            let written = contents
                .file_mode()
                .and_then(|mode| place::file(open()?, name, text.as_encoded_bytes(), mode, access));
            written.map_err(|error| {
                let name = name.display();
                self.bad(format!("its file `{name}` can't be written: {error}"))
            })?;
        }
        Ok(())
    }

    /// Runs the `before` commands. Only the first start runs them, since the directory keeps their
    /// results.
    pub(super) fn run_before(&self, deadline: Instant) -> Result<(), Error> {
        if lock(&self.inner.life).prepared {
            return Ok(());
        }
        self.run_before_once(deadline)?;
        for command in &self.inner.spec.before {
            self.run_one_before(command, &self.helper(command)?, deadline)?;
        }
        lock(&self.inner.life).prepared = true;
        Ok(())
    }

    /// Runs a command, as this program.
    pub(super) fn run_one_before(
        &self,
        command: &Command,
        program: &Program,
        deadline: Instant,
    ) -> Result<(), Error> {
        let shown = shown_command(program.argv.iter().map(std::ffi::OsString::as_os_str));
        self.tell(Moment::Before(&shown));
        let no = |why: &str| self.bad(format!("`{shown}`, which runs before it, {why}"));
        let helper = Helper::hire(program, deadline)
            .map_err(|error| no(&format!("can't be run: {error}")))?;
        let given_up = || lock(&self.inner.life).cancelled;
        let sleep = |answer: BorrowedFd<'_>| {
            while !wait::is_readable(&answer) {
                if given_up() {
                    return Ok(false);
                }
                wait::sleep(&[answer], Some(Instant::now() + GIVE_UP))?;
            }
            Ok(true)
        };
        let limit = deadline.saturating_duration_since(Instant::now());
        match helper.run(limit, sleep) {
            Ok(ran) if ran.status == Some(0) => Ok(()),
            Ok(ran) if ran.status.is_none() => {
                let limit = self.limit(&self.inner.spec.timeout)?;
                let limit =
                    format!("{limit:?} for its start, this command included; `timeout` sets that");
                let error = no("did not end in time").said(&ran.output);
                Err(error.fact("limit", limit).timeout())
            }
            Ok(ran) => {
                let error = no(&how(&ran)).said(&ran.output);
                let hints = self.refuses_root(&ran.output).into_iter();
                let hints = hints.chain(self.hint_at_missing_shell(command, &ran.output));
                Err(hints.fold(error, |error, hint| error.fact("hint", hint)))
            }
            Err(HelperError::GivenUp) => Err(self.cancelled()),
            Err(HelperError::Refused(Step::Exec, error)) => {
                let attempt = Attempt::new(&program.argv, &program.env, &program.dir);
                let (why, hint) = attempt.explain(&error);
                let error = no(&format!("can't be run: {why}"));
                Err(hint
                    .into_iter()
                    .fold(error, |error, hint| error.fact("hint", hint)))
            }
            Err(HelperError::Refused(Step::WorkingDirectory, error)) => {
                let (dir, error) = (program.dir.display(), walk::explain(error));
                Err(no(&format!("can't be run in {dir}: {error}")))
            }
            Err(HelperError::Refused(_, error) | HelperError::Broken(error)) => {
                Err(no(&format!("can't be run: {error}")))
            }
        }
    }

    /// Returns an error if an `after_stop` command failed.
    pub(super) fn check_after_stop(&self, state: &State) -> Result<(), Error> {
        let commands = self.inner.spec.after_stop.iter();
        for (command, ran) in commands.zip(&state.after_stop) {
            if ran.status != Some(0) {
                let name = self.name();
                let why = how(ran);
                let error = self.error(format!("`{command}`, which runs after {name}, {why}"));
                return Err(error.said(&ran.output));
            }
        }
        Ok(())
    }
}

fn how(ran: &Ran) -> String {
    match ran.status {
        Some(status) => how_it_ended(from_raw(status)),
        None => "did not end in time".to_owned(),
    }
}
