//! The file that describes a hold, and whose removal ends it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::Session;
use super::base::{Base, prefix};
use crate::sys;

const NAME: &str = "hold";

/// Returns what removes the files of a process's holds, for its warden after the end of the process. The
/// other files go last, and a fixture that others use may keep the warden until the end of the run.
#[cfg_attr(
    windows,
    expect(dead_code, reason = "there is no warden that would do it")
)]
pub(crate) fn after(process: u32) -> impl FnOnce() {
    // The path depends on the working directory.
    let path = Base::own().map(|base| base.path);
    move || {
        let Ok(base) = path.and_then(|path| Base::at(path, sys::user())) else {
            return;
        };
        let prefix = prefix(process);
        let names = base.dir.names().unwrap_or_default().into_iter();
        for name in names.filter(|it| it.to_string_lossy().starts_with(&prefix)) {
            // If another process has the pid by now, at worst its hold ends early.
            let session = base.dir.enter(&name);
            let _ = session.and_then(|it| it.remove_file(OsStr::new(NAME)));
        }
    }
}

/// A file in the session of this test process. Dropping it removes the file.
pub(crate) struct HoldFile {
    session: Arc<Session>,
    file: File,
}

impl HoldFile {
    /// Makes the file. This fails if a process has this name, since its private directory is there.
    pub(crate) fn make() -> io::Result<HoldFile> {
        let session = Session::current()?;
        let file = session.dir.create(OsStr::new(NAME))?;
        Ok(HoldFile { session, file })
    }

    /// Describes the hold. A runner may capture what a test writes, and nothing captures a file.
    pub(crate) fn describe(&self, text: &str) {
        let _ = (&self.file).write_all(text.as_bytes());
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.session.path().join(NAME)
    }

    /// Returns whether a person has removed the file.
    pub(crate) fn is_removed(&self) -> bool {
        let found = self.session.dir.look(OsStr::new(NAME));
        found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    }
}

impl Drop for HoldFile {
    fn drop(&mut self) {
        let _ = self.session.dir.remove_file(OsStr::new(NAME));
    }
}
