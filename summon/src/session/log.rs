//! The log of one process.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::Session;
use super::base::name_of;
use super::claim::Claim;
use super::file_names::numbered;
use super::names::Name;
use crate::error::Source;
use crate::sys;
use crate::sys::dir::Dir;
use crate::sys::maker::Maker;
/// The log of a process. Its last holder removes it, unless a printed error has named it: then a
/// user will want to read it.
#[derive(Debug)]
pub(crate) struct Log {
    pub(super) path: PathBuf,
    /// Open, since a service may replace the file at this path.
    pub(super) file: File,
    pub(super) named: AtomicBool,
    /// The length when the process first became ready.
    pub(super) ready_at: OnceLock<u64>,
    /// The process that removes the log. `None` if another test process does.
    pub(super) maker: Option<Maker>,
    /// Dropped after the file was removed.
    pub(super) _name: Option<Name>,
    /// Dropped after the files were removed.
    pub(super) claim: Option<Claim>,
    /// Dropped after the file was removed, so that the session's directory is empty by then.
    pub(super) session: Arc<Session>,
}

impl Log {
    /// Makes the log with this name.
    pub(super) fn create(
        session: &Arc<Session>,
        name: &str,
        claim: Option<Claim>,
    ) -> io::Result<Log> {
        let file_name = format!("{name}.log");
        let taken = Name::take(session, file_name.clone())?;
        Ok(Log {
            file: session.logs_dir.create(file_name.as_ref())?,
            path: session.logs.join(file_name),
            named: AtomicBool::new(false),
            ready_at: OnceLock::new(),
            maker: Some(Maker::here()),
            _name: Some(taken),
            claim,
            session: Arc::clone(session),
        })
    }

    /// Opens a log that another test process removes.
    pub(super) fn of_others(path: PathBuf, dir: &Dir, session: Arc<Session>) -> io::Result<Log> {
        Ok(Log {
            file: dir.append(name_of(&path))?,
            path,
            named: AtomicBool::new(false),
            ready_at: OnceLock::new(),
            maker: None,
            _name: None,
            claim: None,
            session,
        })
    }

    /// Makes a log with the first free name.
    pub(super) fn create_numbered(session: &Arc<Session>, name: &str) -> io::Result<Log> {
        for name in numbered(name) {
            match Log::create(session, &name, None) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made,
            }
        }
        Err(io::Error::other("no free name"))
    }

    /// Records that the process is ready: later output is written during a test.
    pub(crate) fn note_ready(&self) -> u64 {
        let length = || self.file.metadata().map_or(0, |log| log.len());
        *self.ready_at.get_or_init(length)
    }

    pub(super) fn is_copy(&self) -> bool {
        self.maker.is_some_and(|maker| !maker.is_here())
    }

    /// Returns whether this process removes the log.
    pub(super) fn is_ours(&self) -> bool {
        self.maker.is_some_and(Maker::is_here)
    }
}

impl Source for Log {
    fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self) -> &File {
        &self.file
    }

    fn ready_at(&self) -> Option<u64> {
        self.ready_at.get().copied()
    }

    fn name_it(&self) {
        self.named.store(true, Ordering::Relaxed);
        if self.is_copy() {
            return;
        }
        // A guard may have to clean up after this process, and leaves a marked log alone.
        let _ = sys::private::keep(&self.file);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        let logs_dir = &self.session.logs_dir;
        let _ = match self.named.load(Ordering::Relaxed) {
            true => sys::holes::leave(&self.file, logs_dir, name_of(&self.path)),
            false => logs_dir.remove_file(name_of(&self.path)),
        };
    }
}
