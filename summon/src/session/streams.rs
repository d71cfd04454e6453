//! The two streams of a process, each by itself, beside the log that has both.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Log, Session, name_of};
use crate::error::Source as _;
use crate::sys::dir::Dir;
use crate::sys::maker::Maker;

/// Standard output and standard error, in this order. Dropping it removes the files, if they are
/// ours.
#[derive(Debug)]
pub(crate) struct Streams {
    files: [File; 2],
    names: [OsString; 2],
    session: Arc<Session>,
    /// The process that removes them; `None` where another test process does.
    maker: Option<Maker>,
    /// How long they were when the last run began.
    begun: Mutex<[u64; 2]>,
}

impl Streams {
    /// Makes them, beside that log.
    pub(super) fn create(session: &Arc<Session>, log: &Path) -> io::Result<Streams> {
        let create = |name: &OsStr| session.logs_dir.create(name);
        Streams::new(session, log, create, true)
    }

    /// Those that another test process has made.
    pub(super) fn of_others(session: &Arc<Session>, dir: &Dir, log: &Path) -> io::Result<Streams> {
        Streams::new(session, log, |name| dir.append(name), false)
    }

    fn new(
        session: &Arc<Session>,
        log: &Path,
        open: impl Fn(&OsStr) -> io::Result<File>,
        is_ours: bool,
    ) -> io::Result<Streams> {
        let names = paths(log).map(|path| name_of(&path).to_owned());
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

    /// How long they are.
    pub(crate) fn lengths(&self) -> [u64; 2] {
        let length = |file: &File| file.metadata().map_or(0, |file| file.len());
        [length(&self.files[0]), length(&self.files[1])]
    }

    /// A run begins: what is there is of earlier ones.
    pub(crate) fn begin(&self) {
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = self.lengths();
    }

    /// Where the last run has begun.
    pub(crate) fn begun(&self) -> [u64; 2] {
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file of output in which lines are looked for.
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

/// Where they are. They begin with a dot, as no log and no directory of a process does, so whoever
/// has the log has their names.
pub(super) fn paths(log: &Path) -> [PathBuf; 2] {
    let name = log.file_stem().unwrap_or_default().to_string_lossy();
    ["stdout", "stderr"].map(|stream| log.with_file_name(format!(".{name}.{stream}")))
}
