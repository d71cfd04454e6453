//! The private directory in a container, at the same path as the directory outside.
//!
//! As a rule it has nothing else in common with that: the engine copies its files there before the
//! program starts. The users of an image are not those of this machine, so neither could read the
//! other's files. Where an option needs it, the container and this machine share the directory. Then all
//! users of the image may write there. No other user of this machine can enter its parent.

use std::path::Path;

use summon_syntax::template::{self, Part};

use super::parts::Parts;
use crate::contents::{DIRECTORY, directory_mode};
use crate::error::Error;
use crate::image::Archive;
use crate::session::Home;
use crate::stdin::Kind;
use crate::sys::fd::OwnedFd;
use crate::sys::pipe;

/// Which further users read what only its owner reads on this machine. The owner in the container is
/// root, and the program may run as another user of the image.
const READ: u32 = 0o044;
const ENTER: u32 = 0o077;

/// Makes a mode of the declaration fit for the users of an image.
fn widened(mode: u32) -> u32 {
    match mode {
        DIRECTORY => DIRECTORY | ENTER,
        mode => mode,
    }
}

/// Makes a mode of a file fit for the users of an image.
fn widened_of_file(mode: u32) -> u32 {
    if mode & 0o077 == 0 { mode | READ } else { mode }
}

impl Parts {
    /// Returns whether the container and this machine share the private directory: a probe looks for a
    /// file, a command must leave its results there, or a mount is below it.
    pub(super) fn shares_dir(&self) -> bool {
        let (declaration, spec) = (&self.declaration, &self.declaration.spec);
        let mut facts = declaration.probes.iter().map(|it| it.facts());
        let mut mounts = spec.container.mounts.iter();
        declaration.has_image()
            && (!spec.before.is_empty()
                || matches!(&spec.stdin.0, Kind::File(path) if names_dir(&path.to_string_lossy()))
                || facts.any(|it| it.is_seen_in_files)
                || mounts.any(|(outside, _)| names_dir(&outside.to_string_lossy())))
    }

    /// Returns the mode of a directory in the private directory.
    pub(super) fn mode_of_dir(&self, mode: u32) -> u32 {
        if self.shares_dir() {
            widened(mode)
        } else {
            mode
        }
    }

    /// Returns the mode of a file in the private directory.
    pub(super) fn mode_of_file(&self, mode: u32) -> u32 {
        match self.shares_dir() {
            true => widened_of_file(mode),
            false => mode,
        }
    }

    /// Opens the private directory to all users of the image.
    pub(super) fn open_to_container(&self, home: &Home) -> Result<(), Error> {
        let mode = self.declaration.access()?.mode;
        if !self.shares_dir() || mode != DIRECTORY {
            return Ok(());
        }
        let opened = home.open_dir().and_then(|dir| dir.set_mode(widened(mode)));
        opened.map_err(|error| {
            let why = format!("its directory can't be shared with its container: {error}");
            self.declaration.bad(why)
        })
    }

    /// Returns the archive of the private directory, if the process has one in its container.
    pub(super) fn archive(&self, dir: &Path) -> Result<Option<OwnedFd>, Error> {
        let (declaration, spec) = (&self.declaration, &self.declaration.spec);
        if self.shares_dir() {
            return Ok(None);
        }
        let names_dir = declaration.texts().iter().any(|text| names_dir(text));
        if !names_dir && spec.files.is_empty() && spec.dirs.is_empty() {
            return Ok(None);
        }
        let bad = |why: String| declaration.bad(why);
        let mode = |mode: u32| {
            let mode = directory_mode(mode).map_err(|error| bad(error.to_string()))?;
            Ok::<u32, Error>(widened(mode))
        };
        let mut archive = Archive::default();
        archive.directory(dir, mode(spec.dir_mode)?);
        for (name, of_dir) in &spec.dirs {
            let path = dir.join(name);
            archive.directory(&path, mode(*of_dir)?);
        }
        for (name, contents) in &spec.files {
            let text = self.fill(&contents.text)?;
            let mode = contents
                .file_mode()
                .map_err(|error| bad(error.to_string()))?;
            let mode = widened_of_file(mode);
            let path = dir.join(name);
            archive.file(&path, text.as_bytes(), mode);
        }
        let archive = pipe::of_text(&archive.into_bytes());
        let no = |error: std::io::Error| bad(format!("its files can't be copied: {error}"));
        archive.map(Some).map_err(no)
    }
}

fn names_dir(text: &str) -> bool {
    let mut parts = template::parts(text).into_iter();
    parts.any(|part| matches!(part, Part::Own("dir")))
}
