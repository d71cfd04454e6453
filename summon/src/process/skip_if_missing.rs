//! Programs that are not there.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use super::Process;
use super::parts::Parts;
use crate::error::Error;
use crate::exec_error::Attempt;
use crate::image::{self, Engine};
use crate::missing::Missing;

impl Parts {
    /// Returns the error that skips the test, if it may be skipped and a program is not there: the
    /// program of the process, or of a command that runs before it.
    pub(super) fn check_there(&self) -> Result<(), Error> {
        let (declaration, spec) = (&self.declaration, &self.declaration.spec);
        if !Missing::skips(spec.missing) {
            return Ok(());
        }
        if declaration.has_image() {
            return match Engine::absent() {
                Some(reason) => Err(self.no_engine_at_all().skip(reason)),
                None => self.check_image_there(),
            };
        }
        let before = spec.before_once.iter().chain(&spec.before);
        let before = before.map(|command| (true, command.words()));
        let commands = before.chain([(false, spec.argv())]);
        for (index, (is_before, words)) in commands.enumerate() {
            // The start explains a command that is none.
            let Ok(words) = words else {
                return Ok(());
            };
            let Some(program) = words.first() else {
                return Ok(());
            };
            // cargo builds the user's own program, so its absence is a mistake.
            if !is_before && spec.command.is_own() {
                continue;
            }
            // An earlier command may make a program at a path.
            if is_path(program) && index > 0 {
                continue;
            }
            let Some((why, hint, reason)) = self.absent(program) else {
                continue;
            };
            let why = match is_before {
                true => format!(
                    "{}, which runs before it, can't be run: {why}",
                    Path::new(program).display()
                ),
                false => why,
            };
            return Err(declaration.bad(why).hints(hint).skip(reason));
        }
        Ok(())
    }

    /// Returns the error that skips the test, if its image is not there and can't be pulled. The start
    /// explains everything else.
    fn check_image_there(&self) -> Result<(), Error> {
        let options = &self.declaration.spec.container;
        let (Ok(engine), Some(image)) = (Engine::find(), &options.image) else {
            return Ok(());
        };
        match image::is_here(engine, image, options.platform.as_deref()) {
            Ok(false) => self
                .find_image()
                .map_err(|error| error.skip(format!("no image {image}"))),
            Ok(true) | Err(_) => Ok(()),
        }
    }

    /// Explains why a program is not there, with a hint and a short reason. `None` if it may be
    /// there, also if only a placeholder says where.
    fn absent(&self, program: &OsStr) -> Option<(String, Option<String>, String)> {
        let spec = &self.declaration.spec;
        let is_plain = |text: &OsStr| !text.as_encoded_bytes().contains(&b'{');
        let dir = spec.current_dir.clone().unwrap_or_default();
        let set = spec.env.iter().rev().find(|(name, _)| name == "PATH");
        let path = match set {
            Some((_, path)) => path.clone(),
            None => std::env::var_os("PATH"),
        };
        let path = path.filter(|path| is_plain(path))?;
        if !is_plain(program) || (is_path(program) && !is_plain(dir.as_os_str())) {
            return None;
        }
        let dir: PathBuf = std::env::current_dir().ok()?.join(dir);
        let (argv, env) = ([program.to_owned()], [(OsString::from("PATH"), path)]);
        let attempt = Attempt::new(&argv, &env, &dir);
        if !attempt.is_absent() {
            return None;
        }
        let (why, hint) = attempt.explain(&io::ErrorKind::NotFound.into());
        let place = if is_path(program) { "" } else { " in PATH" };
        Some((
            why,
            hint,
            format!("no {}{place}", Path::new(program).display()),
        ))
    }
}

fn is_path(program: &OsStr) -> bool {
    program.as_encoded_bytes().contains(&b'/')
}

impl Process {
    /// Returns the error that skips the test before anything starts. A server that already runs may
    /// do without its program.
    pub(crate) fn check_there(&self) -> Result<(), Error> {
        match self.parts.declaration.spec.reuse || self.is_running() {
            true => Ok(()),
            false => self.parts.check_there(),
        }
    }
}
