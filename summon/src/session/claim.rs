//! Claims on the names of processes in a shared session. A claim is a file. Its lock shows whether
//! a live process has the directory and the log with that name.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::base::name_of;
use crate::sys::dir::Dir;
use crate::sys::maker::Maker;
use crate::sys::{self, fd::OwnedFd};

/// A claim. Dropping it removes the file, so drop it after the files that it protects.
#[derive(Debug)]
pub(super) struct Claim {
    file: File,
    path: PathBuf,
    session: Dir,
    maker: Maker,
}

impl Claim {
    /// Claims a name in a session's directory, which is at `path`. `None` if another process has
    /// claimed it.
    pub(super) fn take(session: &Dir, path: &Path, name: &str) -> io::Result<Option<Claim>> {
        let name = file_name(name);
        let session = session.try_clone()?;
        let file = match session.create(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            made => made?,
        };
        // A cleaning process may have locked the new file first, and then removes it. The caller
        // tries another name.
        let is_ours = sys::try_lock_file(&file)? && session.has(&name, &file);
        Ok(is_ours.then(|| Claim {
            file,
            path: path.join(name),
            session,
            maker: Maker::here(),
        }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns a copy of the lock, for a guard to hold.
    pub(super) fn share(&self) -> io::Result<OwnedFd> {
        Ok(self.file.try_clone()?.into())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.maker.is_here() {
            let _ = self.session.remove_file(name_of(&self.path));
        }
    }
}

/// Returns the names in a session with dead processes and guards, and their claims. No process can
/// take such a name while its claim exists.
pub(super) fn dead(session: &Dir) -> Vec<(String, Dead<'_>)> {
    let names = session.names().unwrap_or_default();
    let mut dead = Vec::new();
    for file_name in names {
        let Some(name) = claimed(&file_name) else {
            continue;
        };
        let Ok(file) = session.append(&file_name) else {
            continue;
        };
        let is_locked = sys::try_lock_file(&file).unwrap_or(false);
        if is_locked && session.has(&file_name, &file) {
            dead.push((
                name,
                Dead {
                    session,
                    file_name,
                    _lock: file,
                },
            ));
        }
    }
    dead
}

/// The claim of dead processes. Dropping it removes the file.
pub(super) struct Dead<'a> {
    session: &'a Dir,
    file_name: OsString,
    _lock: File,
}

impl Drop for Dead<'_> {
    fn drop(&mut self) {
        let _ = self.session.remove_file(&self.file_name);
    }
}

/// Returns the file name of a claim. It begins with a dot, unlike the names of logs and
/// directories.
fn file_name(name: &str) -> OsString {
    format!(".{name}.claim").into()
}

fn claimed(file_name: &OsStr) -> Option<String> {
    let name = file_name.to_str()?;
    let name = name.strip_prefix('.')?.strip_suffix(".claim")?;
    Some(name.to_owned())
}
