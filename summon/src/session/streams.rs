//! Separate logs of the two streams of a process, beside the log of both.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::Session;
use super::base::{name_of, stream_logs};
use super::log::Log;
use crate::error::Source as _;
use crate::sys::dir::Dir;
use crate::sys::maker::Maker;

/// The logs of standard output and standard error, in this order. Dropping it removes the files if
/// this process has made them.
#[derive(Debug)]
pub(crate) struct Streams {
    files: [File; 2],
    names: [OsString; 2],
    session: Arc<Session>,
    /// The process that removes them. `None` if another test process does.
    maker: Option<Maker>,
    /// The lengths when the last run began.
    begun: Mutex<[u64; 2]>,
}

impl Streams {
    /// Makes the files beside the log.
    pub(super) fn create(session: &Arc<Session>, log: &Path) -> io::Result<Streams> {
        let create = |name: &OsStr| session.logs_dir.create(name);
        Streams::new(session, log, create, true)
    }

    /// Opens the files of another test process.
    pub(super) fn of_others(session: &Arc<Session>, dir: &Dir, log: &Path) -> io::Result<Streams> {
        Streams::new(session, log, |name| dir.append(name), false)
    }

    fn new(
        session: &Arc<Session>,
        log: &Path,
        open: impl Fn(&OsStr) -> io::Result<File>,
        is_ours: bool,
    ) -> io::Result<Streams> {
        let names = stream_logs(log).map(|path| name_of(&path).to_owned());
        Ok(Streams {
            files: [open(&names[0])?, open(&names[1])?],
            names,
            session: Arc::clone(session),
            maker: is_ours.then(Maker::here),
            begun: Mutex::default(),
        })
    }

    pub(crate) fn files(&self) -> &[File; 2] {
        &self.files
    }

    /// Returns the lengths.
    pub(crate) fn lengths(&self) -> [u64; 2] {
        let length = |file: &File| file.metadata().map_or(0, |file| file.len());
        [length(&self.files[0]), length(&self.files[1])]
    }

    /// Marks the beginning of a run: the current contents are from earlier runs.
    pub(crate) fn begin(&self) {
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = self.lengths();
    }

    /// Returns the lengths when the last run began.
    pub(crate) fn begun(&self) -> [u64; 2] {
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file of output to search for lines.
#[derive(Clone, Debug)]
pub(crate) enum Written {
    Log(Arc<Log>),
    Stream(Arc<Streams>, usize),
}

impl Written {
    pub(crate) fn file(&self) -> &File {
        match self {
            Written::Log(log) => log.file(),
            Written::Stream(streams, index) => &streams.files[*index],
        }
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        let is_ours = self.maker.is_some_and(Maker::is_here);
        for name in self.names.iter().filter(|_| is_ours) {
            let _ = self.session.logs_dir.remove_file(name);
        }
    }
}
