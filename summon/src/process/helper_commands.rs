//! Files and helper commands of a process: before the start, and after the stop.

use std::ffi::OsString;
use std::io;
use std::time::Instant;

use super::life::Starting;
use super::parts::Parts;
use super::report::not_launched::refused;
use crate::command::Command;
use crate::contents::directory_mode;
use crate::error::{Error, shown_command};
use crate::guard::{Helper, HelperError, Program, Ran, State};
use crate::session::Home;
use crate::sys::dir::Dir;
use crate::sys::fd::BorrowedFd;
use crate::sys::signal::how_it_ended;
use crate::sys::status::from_raw;
use crate::sys::users::Access;
use crate::sys::{foreign_dir, wait};
use crate::trace::Moment;

impl Parts {
    /// Creates the declared directories and files before the first start. Later starts leave them
    /// as they are.
    pub(super) fn write_files(&self, home: &Home) -> Result<(), Error> {
        if self.life.is_prepared() {
            return Ok(());
        }
        let dir = self.resources.dir_of(home).display().to_string();
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
        let (declaration, spec) = (&self.declaration, &self.declaration.spec);
        let access = declaration.access()?;
        let access = Access {
            mode: self.mode_of_dir(access.mode),
            ..access
        };
        for (name, mode) in &spec.dirs {
            let made = directory_mode(*mode).and_then(|mode| {
                foreign_dir::directory(open()?, name, self.mode_of_dir(mode), access)
            });
            made.map_err(|error| {
                let name = name.display();
                declaration.bad(format!("its directory `{name}` can't be made: {error}"))
            })?;
        }
        let files = spec.files.iter();
        for (name, contents) in files.filter(|(_, contents)| is_wanted(&contents.text)) {
            let text = self.fill_in(contents.text.as_ref(), dir)?;
            let written = contents.file_mode().and_then(|mode| {
                let mode = self.mode_of_file(mode);
                foreign_dir::file(open()?, name, text.as_encoded_bytes(), mode, access)
            });
            written.map_err(|error| {
                let name = name.display();
                declaration.bad(format!("its file `{name}` can't be written: {error}"))
            })?;
        }
        Ok(())
    }

    /// Runs the `before` commands. Only the first start runs them, since the directory keeps their
    /// results.
    pub(super) fn run_before(
        &self,
        starting: &Starting<'_>,
        deadline: Instant,
    ) -> Result<(), Error> {
        // The guard runs those of an image.
        if self.life.is_prepared() || self.declaration.has_image() {
            return Ok(());
        }
        self.run_before_once(starting, deadline)?;
        for command in &self.declaration.spec.before {
            self.run_one_before(command, &self.helper(command)?, starting, deadline)?;
        }
        self.life.note_prepared();
        Ok(())
    }

    /// Runs a command, as this program.
    pub(super) fn run_one_before(
        &self,
        command: &Command,
        program: &Program,
        starting: &Starting<'_>,
        deadline: Instant,
    ) -> Result<(), Error> {
        let declaration = &self.declaration;
        let shown = shown_command(program.argv.iter().map(OsString::as_os_str));
        self.tell(Moment::Before(&shown));
        let no = |why: &str| declaration.bad(format!("`{shown}`, which runs before it, {why}"));
        let helper = Helper::hire(program, deadline)
            .map_err(|error| no(&format!("can't be run: {error}")))?;
        let sleep = |answer: BorrowedFd<'_>| {
            // The guard ends the command at the limit, and answers. A stop ends this sleep too.
            while !wait::is_readable(&answer) && !starting.is_cancelled() {
                wait::sleep(&[answer, starting.cancelled()], None)?;
            }
            Ok(!starting.is_cancelled())
        };
        let limit = deadline.saturating_duration_since(Instant::now());
        match helper.run(limit, sleep) {
            Ok(ran) if ran.status == Some(0) => Ok(()),
            Ok(ran) if ran.status.is_none() => {
                let error = no("did not end in time").said(&ran.output);
                Err(error.fact("limit", self.limit_with_before()).timeout())
            }
            Ok(ran) => {
                let error = no(&how(&ran)).said(&ran.output);
                let error = error.hints(self.refuses_root(&ran.output));
                Err(error.hints(self.hint_at_missing_shell(command, &ran.output)))
            }
            Err(HelperError::GivenUp) => Err(self.cancelled()),
            Err(HelperError::Refused(step, error)) => {
                let (why, hint) = refused(program, step, error);
                Err(no(&format!("can't be run: {why}")).hints(hint))
            }
            Err(HelperError::Broken(error)) => Err(no(&format!("can't be run: {error}"))),
        }
    }

    /// Returns the error of a command that ran in a container before the service, and failed.
    pub(super) fn not_prepared(&self, index: usize, ran: &Ran) -> Error {
        let (declaration, spec) = (&self.declaration, &self.declaration.spec);
        let command = spec.before.get(index).map(Command::to_string);
        let (command, how) = (command.unwrap_or_default(), how(ran));
        let error = declaration.bad(format!("`{command}`, which runs before it, {how}"));
        let error = error.said(&ran.output);
        match ran.status {
            Some(_) => error,
            None => error.fact("limit", self.limit_with_before()).timeout(),
        }
    }

    /// Describes the time-out of a start with commands before it.
    fn limit_with_before(&self) -> String {
        let limit = self.declaration.limit(&self.declaration.spec.timeout);
        let limit = limit.unwrap_or_default();
        format!("{limit:?} for its start, this command included; `timeout` sets that")
    }

    /// Returns an error if an `after_stop` command failed.
    pub(super) fn check_after_stop(&self, state: &State) -> Result<(), Error> {
        let declaration = &self.declaration;
        let commands = declaration.spec.after_stop.iter();
        for (command, ran) in commands.zip(&state.after_stop) {
            if ran.status != Some(0) {
                let (name, why) = (self.name(), how(ran));
                let why = format!("`{command}`, which runs after {name}, {why}");
                return Err(declaration.error(why).said(&ran.output));
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
