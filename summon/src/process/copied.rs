//! The private directory in a container. The engine copies its files there before the program starts.
//!
//! It has the same path as the directory outside, and nothing else in common with it: the users of an
//! image are not those of this machine, so neither could read the other's files.

use std::path::Path;

use summon_syntax::template::{self, Part};

use super::parts::Parts;
use crate::contents::{DIRECTORY, directory_mode};
use crate::error::Error;
use crate::image::Archive;
use crate::sys::fd::OwnedFd;
use crate::sys::pipe;

/// Which further users read what only its owner reads on this machine. The owner in the container is
/// root, and the program may run as another user of the image.
const READ: u32 = 0o044;
const ENTER: u32 = 0o077;

impl Parts {
    /// Returns the archive of the private directory, if the process has one in its container.
    pub(super) fn archive(&self, dir: &Path) -> Result<Option<OwnedFd>, Error> {
        let (declaration, spec) = (&self.declaration, &self.declaration.spec);
        let texts = declaration.texts();
        let mut parts = texts.iter().flat_map(|text| template::parts(text));
        let names_dir = parts.any(|part| matches!(part, Part::Own("dir")));
        if !names_dir && spec.files.is_empty() && spec.dirs.is_empty() {
            return Ok(None);
        }
        let bad = |why: String| declaration.bad(why);
        let mode = |mode: u32| match directory_mode(mode) {
            Ok(DIRECTORY) => Ok(DIRECTORY | ENTER),
            Ok(mode) => Ok(mode),
            Err(error) => Err(bad(error.to_string())),
        };
        let mut archive = Archive::default();
        archive.directory(dir, mode(spec.dir_mode)?).map_err(bad)?;
        for (name, of_dir) in &spec.dirs {
            let path = dir.join(name);
            archive.directory(&path, mode(*of_dir)?).map_err(bad)?;
        }
        for (name, contents) in &spec.files {
            let text = self.fill(&contents.text)?;
            let mode = contents
                .file_mode()
                .map_err(|error| bad(error.to_string()))?;
            let mode = if mode & 0o077 == 0 { mode | READ } else { mode };
            let path = dir.join(name);
            archive.file(&path, text.as_bytes(), mode).map_err(bad)?;
        }
        let archive = pipe::of_text(&archive.into_bytes());
        let no = |error: std::io::Error| bad(format!("its files can't be copied: {error}"));
        archive.map(Some).map_err(no)
    }
}
