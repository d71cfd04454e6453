//! Commands that run once for many starts: a start runs them, and later ones copy the result.

use std::time::Instant;

use super::key::is_foreign;
use crate::command::Command;
use crate::error::Error;
use crate::guard::Program;
use crate::process::life::Starting;
use crate::process::parts::Parts;
use crate::session::{Cache, Entry, Looked};
use crate::sys::dir::Dir;
use crate::sys::foreign_dir;

impl Parts {
    /// Copies the result of the `before_once` commands into the private directory, or runs them.
    pub(in crate::process) fn run_before_once(
        &self,
        starting: &Starting<'_>,
        deadline: Instant,
    ) -> Result<(), Error> {
        let commands = &self.declaration.spec.before_once;
        if commands.is_empty() || self.copy_once(starting, deadline)? {
            return Ok(());
        }
        for command in commands {
            self.run_one_before(command, &self.helper(command)?, starting, deadline)?;
        }
        Ok(())
    }

    /// Returns whether the private directory has the result. A failure of the cache is no error,
    /// since the commands can run there.
    fn copy_once(&self, starting: &Starting<'_>, deadline: Instant) -> Result<bool, Error> {
        let Some(key) = self.key()? else {
            return Ok(false);
        };
        let Some(cache) = Cache::of(self.declaration.user()?) else {
            return Ok(false);
        };
        let Ok(to) = self.home()?.open_dir() else {
            return Ok(false);
        };
        // The commands may act upon what the user has put there.
        if !self.has_only_declared(&to) {
            return Ok(false);
        }
        let entry = cache.entry(&key);
        // A process that waits too long still needs time for the commands.
        let patience = deadline.saturating_duration_since(Instant::now()) / 2;
        let limit = Instant::now() + patience;
        while Instant::now() < limit {
            match entry.copy_to(&to, limit, starting.cancelled()) {
                Looked::Copied => return Ok(true),
                Looked::Absent => {}
                Looked::Failed => {
                    self.begin_anew(&to)?;
                    return Ok(false);
                }
            }
            match entry.lock(limit, starting.cancelled()) {
                // Another process has made it since the look above.
                Ok(Some(_)) if entry.exists() => {}
                Ok(Some(_lock)) => {
                    if !self.make_once(&entry, starting, deadline)? {
                        return Ok(false);
                    }
                }
                Ok(None) => {}
                Err(_) => return Ok(false),
            }
            if starting.is_cancelled() {
                return Err(self.cancelled());
            }
        }
        Ok(false)
    }

    /// Runs the commands for the cache. Returns whether it has their result.
    fn make_once(
        &self,
        entry: &Entry<'_>,
        starting: &Starting<'_>,
        deadline: Instant,
    ) -> Result<bool, Error> {
        let Ok(making) = entry.begin() else {
            return Ok(false);
        };
        let path = making.tree();
        let (Some(dir), Ok(tree)) = (path.to_str(), making.open_tree()) else {
            return Ok(false);
        };
        // The commands may use these files. Each start has its own.
        let is_wanted = |text: &str| !is_foreign(text.as_ref());
        let written = self.write_files_in(dir, || tree.try_clone(), is_wanted);
        if written.is_err() {
            return Ok(false);
        }
        for command in &self.declaration.spec.before_once {
            let program = self.helper_in(command, dir)?;
            match self.run_one_before(command, &program, starting, deadline) {
                Ok(()) => {}
                Err(error) if error.is_timeout() => return Err(error),
                Err(error) if starting.is_cancelled() => return Err(error),
                // The command fails again in the private directory, which the report should name.
                Err(_) => return Ok(false),
            }
        }
        for (name, _) in &self.declaration.spec.files {
            if foreign_dir::remove(&tree, name).is_err() {
                return Ok(false);
            }
        }
        Ok(making.finish())
    }

    /// Returns a helper command with another directory as `{dir}`.
    fn helper_in(&self, command: &Command, dir: &str) -> Result<Program, Error> {
        let mut program = self.helper(command)?;
        let words = command.words().map_err(|why| self.declaration.bad(why))?;
        let words = words.iter().map(|word| self.fill_in(word, dir));
        program.argv = words.collect::<Result<_, _>>()?;
        for (name, value) in &self.declaration.spec.env {
            let set = program.env.iter_mut().find(|(other, _)| other == name);
            if let (Some(value), Some((_, set))) = (value, set) {
                *set = self.fill_in(value, dir)?;
            }
        }
        if let Some(at) = &self.declaration.spec.current_dir {
            let here = std::env::current_dir().unwrap_or_default();
            program.dir = here.join(self.fill_in(at.as_os_str(), dir)?);
        }
        Ok(program)
    }

    /// Whether the private directory contains only what `with_file` and `with_dir` declare.
    fn has_only_declared(&self, dir: &Dir) -> bool {
        let spec = &self.declaration.spec;
        let files = spec.files.iter().map(|(name, _)| name);
        let declared: Vec<_> = files
            .chain(spec.dirs.iter().map(|(name, _)| name))
            .collect();
        let is_declared = |name: &std::ffi::OsString| {
            let mut declared = declared.iter();
            declared.any(|path| path.iter().find(|part| *part != ".") == Some(name.as_os_str()))
        };
        dir.names().is_ok_and(|names| names.iter().all(is_declared))
    }

    /// Removes a part of a copy.
    fn begin_anew(&self, dir: &Dir) -> Result<(), Error> {
        let (home, path) = (self.home()?, self.dir()?);
        for name in dir.names().unwrap_or_default() {
            dir.remove(&name, path);
        }
        self.write_files(&home)
    }
}
