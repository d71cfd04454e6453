//! The directories where summon keeps its files: one session per test process or per run, and in it
//! a home per process.
//!
//! `<temp>/summon-<uid>/<session>/<name>` is the private directory of a process (`{dir}`), and
//! `<test>.<name>.log` beside it is its log. Programs such as `initdb` need a directory that is
//! empty at the start. Directories have mode 0700, files 0600. A private directory that the user
//! opens to others is `<temp>/summon-<uid>-open/<session>-<name>`, and one in memory is
//! `/dev/shm/summon-<uid>.<number>/<name>`. `SUMMON_LOG_DIR` moves the logs
//! to `<dir>/<program>-<session>`, or under nextest to `<dir>/<program>-<test>-<session>`.
//! `SUMMON_KEEP` keeps them. `<temp>/summon-<uid>-cache` has what commands make once.

mod base;
#[cfg(unix)]
mod cache;
mod claim;
mod clean;
mod file_names;
mod hold_file;
mod home;
mod log;
mod memory;
mod names;
mod streams;
mod sweep;
mod turn;
mod unused;

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

#[cfg(unix)]
pub(crate) use base::REPORT;
pub(crate) use base::base;
use base::{Base, TRIES, log_dir, logs_of, name_of, not_private, prefix};
#[cfg(unix)]
pub(crate) use cache::{Cache, Entry, Looked};
#[cfg(unix)]
pub(crate) use clean::after as clean_after;
pub(crate) use hold_file::HoldFile;
#[cfg(unix)]
pub(crate) use hold_file::after as end_hold_after;
pub(crate) use home::{Home, Site};
pub(crate) use log::Log;
pub(crate) use streams::Written;
#[cfg(unix)]
pub(crate) use sweep::INTERRUPTED;
pub(crate) use sweep::Sweep;
pub(crate) use turn::RunTurn;
pub(crate) use unused::is_unused;

use crate::sys::dir::Dir;
use crate::sys::fd::AsFd;
use crate::sys::maker::{Maker, PerProcess};
use crate::sys::wait::Waker;
use crate::sys::{self, Lock, private, random};

/// The directory of this test process or of its run, while a process in it has files. A lock on the
/// directory marks it as used. Guards hold the lock too.
#[derive(Debug)]
pub(crate) struct Session {
    path: PathBuf,
    /// Locked until this and all its copies are closed.
    dir: Arc<Dir>,
    /// The directory of the logs.
    logs: PathBuf,
    logs_dir: Arc<Dir>,
    /// Several test processes use the session, so the lock does not show which processes are alive.
    is_shared: bool,
    maker: Maker,
    /// The names of directories and logs of this process.
    names: Mutex<Vec<String>>,
}

/// How long the cleaning of a shared session may take.
const CLEANING_LIMIT: Duration = Duration::from_secs(10);

/// The session of this process, if it has one now, and the user that made it. A process that
/// becomes another user makes another session.
static CURRENT: PerProcess<Mutex<Current>> = PerProcess::new();
type Current = Option<(u32, Weak<Session>)>;

impl Session {
    fn current() -> io::Result<Arc<Session>> {
        // Locked while a session is made, so that two threads don't make two.
        let current = CURRENT.here().lock();
        let mut current = current.unwrap_or_else(PoisonError::into_inner);
        let me = sys::user();
        if let Some((user, session)) = &*current {
            if let Some(session) = session.upgrade().filter(|_| *user == me) {
                return Ok(session);
            }
        }
        let base = Base::own()?;
        clean::after_all(&base);
        let session = Arc::new(Session::create(base)?);
        *current = Some((me, Arc::downgrade(&session)));
        Ok(session)
    }

    fn create(mut base: Base) -> io::Result<Session> {
        for _ in 0..TRIES {
            let number = random() & 0xffff;
            let name = OsString::from(format!("{}{number:04x}", prefix(std::process::id())));
            let made = match base.dir.make_locked(&name) {
                // Another process has removed the empty base.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    base = Base::own()?;
                    continue;
                }
                // The name is taken, or another process cleans up: it has removed the directory, or
                // has locked it for a moment. Another name will do.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Ok(None) => continue,
                Ok(Some(dir)) => Session::at(base.path.join(&name), dir, false),
                Err(error) => Err(error),
            };
            match made.inspect_err(|_| drop(base.dir.remove_empty(&name))) {
                // The name is taken in the directory of the logs.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made,
            }
        }
        Err(io::Error::other("no free name for a session directory"))
    }

    /// Opens or makes the session with this name, which several test processes use.
    pub(crate) fn shared(name: &str) -> io::Result<Session> {
        clean::after_all(&Base::own()?);
        let (until, never) = (Instant::now() + CLEANING_LIMIT, Waker::new()?);
        for _ in 0..TRIES {
            let base = Base::own()?;
            base.has(name.as_ref())?;
            // Another process may be cleaning it. If that removes the directory, the next round
            // makes it again.
            let dir = base
                .dir
                .wait_locked(name.as_ref(), Lock::Others, until, never.as_fd())?;
            match dir {
                Some(dir) => return Session::at(base.path.join(name), dir, true),
                None if Instant::now() >= until => break,
                None => {}
            }
        }
        Err(io::Error::other("its directory can't be locked"))
    }

    fn at(path: PathBuf, dir: Dir, is_shared: bool) -> io::Result<Session> {
        let log_dir = log_dir()?;
        let logs = logs_of(&path, log_dir.as_deref());
        let dir = Arc::new(dir);
        let logs_dir = match &log_dir {
            None => Arc::clone(&dir),
            Some(log_dir) => Arc::new(logs_in(log_dir, &logs, is_shared).map_err(|error| {
                let why = format!(
                    "`SUMMON_LOG_DIR={}` is no directory in which this user can make {}: {error}; set \
                     another directory, or unset the variable",
                    log_dir.display(),
                    name_of(&logs).to_string_lossy(),
                );
                io::Error::new(error.kind(), why)
            })?),
        };
        Ok(Session {
            path,
            dir,
            logs,
            logs_dir,
            is_shared,
            maker: Maker::here(),
            names: Mutex::default(),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn name(&self) -> Cow<'_, str> {
        name_of(&self.path).to_string_lossy()
    }

    /// Returns the directories to remove after the last use. They stay if a log was kept in them.
    fn dirs(&self) -> Vec<PathBuf> {
        let logs = (self.logs != self.path).then(|| self.logs.clone());
        logs.into_iter().chain([self.path.clone()]).collect()
    }

    /// Leaves a note for other processes, atomically: they see all of the note, or no note.
    pub(crate) fn remember(&self, name: &str, note: &[u8]) {
        let draft = OsString::from(format!("{name}.{:x}", random()));
        let written = self.dir.create(&draft);
        let written = written.and_then(|mut file| file.write_all(note));
        // Without a note the other processes try for themselves, which is slower but correct.
        if written.is_err() || self.dir.rename(&draft, name.as_ref()).is_err() {
            let _ = self.dir.remove_file(&draft);
        }
    }

    /// Reads a note of another process.
    pub(crate) fn recall(&self, name: &str) -> Option<Vec<u8>> {
        let mut note = Vec::new();
        let mut file = self.dir.append(name.as_ref()).ok()?;
        file.read_to_end(&mut note).ok()?;
        Some(note)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Only without other users. `remove_dir` fails if a log was kept in it.
        if self.maker.is_here() && sys::is_alone(&self.dir) {
            for dir in self.dirs() {
                let _ = fs::remove_dir(dir);
            }
        }
    }
}

/// Makes and opens the directory for the logs of a session. Other users may be able to write to its
/// parent. So it is accepted only if it is new, or if another process of this user has made it.
fn logs_in(log_dir: &Path, logs: &Path, is_shared: bool) -> io::Result<Dir> {
    let mut builder = private::directory();
    let made = builder.recursive(true).create(log_dir);
    // The error loses its kind here: the caller takes AlreadyExists for a taken name, and would try
    // another one.
    made.map_err(|error| io::Error::other(error.to_string()))?;
    // The last component may be a link, because the user has named it.
    let parent = Dir::open(&log_dir.join("."))?;
    match parent.make(name_of(logs)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_shared => {
            let dir = parent.enter(name_of(logs))?;
            match dir.found()?.is_of(sys::user()) {
                true => Ok(dir),
                false => Err(not_private()),
            }
        }
        made => made,
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::thread;

    use super::base::SHARED;
    use super::*;
    use crate::sys::is_awaited;

    #[test]
    fn a_shared_session_can_be_opened_as_soon_as_another_process_has_cleaned_it() {
        let name = format!("{SHARED}-cleaned-{}", std::process::id());
        let base = Base::own().unwrap();
        let cleaning = loop {
            base.has(name.as_ref()).unwrap();
            // Another test may remove the empty directory.
            if let Some(dir) = base.dir.enter_locked(name.as_ref(), Lock::Nobody).unwrap() {
                break dir;
            }
        };
        let opens = thread::spawn(move || Session::shared(&name));
        while !is_awaited(&cleaning) && !opens.is_finished() {
            thread::yield_now();
        }
        drop(cleaning);
        opens.join().unwrap().unwrap();
    }
}
