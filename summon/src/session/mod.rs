//! The directories where summon keeps its files: one session per test process, or for what the
//! processes of a run share, and a home per process in it.
//!
//! `<temp>/summon-<uid>/<session>/<name>` is the private directory of a process (`{dir}`), and
//! `<name>.log` beside it is its log: a directory that is empty at the start can be given to
//! programs such as `initdb`, which insist on that. Directories are 0700, files 0600.
//! `SUMMON_LOG_DIR` moves the logs, to `<dir>/<program>-<session>`, and `SUMMON_KEEP` keeps them.

mod clean;
mod home;
mod streams;

use std::borrow::Cow;
use std::fs::{self, OpenOptions};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

#[cfg(unix)]
pub(crate) use clean::after as clean_after;
pub(crate) use home::{Home, Log};
pub(crate) use streams::{Streams, Written};

use crate::sys::fd::OwnedFd;
use crate::sys::maker::Maker;
use crate::sys::{self, Lock, private};

/// The directory of this test process or of its run, while some process of it has files there. Its
/// lock says that it is in use; guards hold the lock too.
#[derive(Debug)]
pub(crate) struct Session {
    path: PathBuf,
    /// Where the logs are.
    logs: PathBuf,
    lock: OwnedFd,
    maker: Maker,
}

/// What guards report of tests that were killed, beside the logs.
pub(crate) const REPORT: &str = "report.txt";

/// That of this process, if it has one now, with the process and the user whose it is: a forked child
/// makes another one, and so does a process that becomes another user.
static CURRENT: Mutex<Option<(Maker, u32, Weak<Session>)>> = Mutex::new(None);

impl Session {
    fn current() -> io::Result<Arc<Session>> {
        // Held while a session is made, so that two threads don't make two.
        let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
        let whose = (Maker::here(), sys::user());
        if let Some((maker, user, session)) = &*current {
            if let Some(session) = session.upgrade().filter(|_| (*maker, *user) == whose) {
                return Ok(session);
            }
        }
        let base = base()?;
        clean::after_all(&base);
        // First the warden, who cleans up whenever this process ends, then what is to be cleaned
        // up. Without a warden nothing can be started, and that is told then.
        sys::guard::prepare();
        let session = Arc::new(Session::create(&base)?);
        *current = Some((whose.0, whose.1, Arc::downgrade(&session)));
        Ok(session)
    }

    fn create(base: &Path) -> io::Result<Session> {
        for _ in 0..100 {
            let number = random() & 0xffff;
            let path = base.join(format!("{}{number:04x}", prefix(std::process::id())));
            match private::directory().create(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            }
            // Somebody who cleans may have been here between the two steps: then the directory is
            // gone, or locked for a moment, and another name will do.
            if let Ok(Some(lock)) = sys::lock_dir(&path, Lock::Nobody) {
                return Session::at(path, lock);
            }
        }
        Err(io::Error::other("no free name for a session directory"))
    }

    /// The directory of that name, which several processes use.
    pub(crate) fn shared(name: &str) -> io::Result<Session> {
        let base = base()?;
        clean::after_all(&base);
        let path = base.join(name);
        for _ in 0..1000 {
            match private::directory().create(&path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            // Who cleans may be at it; what it takes away is made again.
            if let Ok(Some(lock)) = sys::lock_dir(&path, Lock::Others) {
                sys::guard::note_interruption_in(&path);
                return Session::at(path, lock);
            }
            std::thread::yield_now();
        }
        Err(io::Error::other("its directory can't be locked"))
    }

    fn at(path: PathBuf, lock: OwnedFd) -> io::Result<Session> {
        let logs = logs_of(&path, log_dir()?.as_deref());
        let mut builder = private::directory();
        builder.recursive(true).create(&logs).map_err(|error| {
            let logs = logs.display();
            io::Error::other(format!("{logs}, where SUMMON_LOG_DIR wants logs: {error}"))
        })?;
        let maker = Maker::here();
        Ok(Session {
            path,
            logs,
            lock,
            maker,
        })
    }

    fn name(&self) -> Cow<'_, str> {
        self.path.file_name().unwrap_or_default().to_string_lossy()
    }

    /// What goes when nobody uses it any more, unless a log was kept in it.
    fn dirs(&self) -> Vec<PathBuf> {
        let logs = (self.logs != self.path).then(|| self.logs.clone());
        logs.into_iter().chain([self.path.clone()]).collect()
    }

    /// Leaves a note for the other processes, whole or not at all.
    pub(crate) fn remember(&self, name: &str, note: &str) {
        let draft = self.path.join(format!("{name}.{:x}", random()));
        let written = log_options().create_new(true).open(&draft);
        let written = written.and_then(|mut file| file.write_all(note.as_bytes()));
        // Without a note the others will try for themselves, which is the second best.
        if written.is_err() || fs::rename(&draft, self.path.join(name)).is_err() {
            let _ = fs::remove_file(&draft);
        }
    }

    /// A note that another process has left.
    pub(crate) fn recall(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path.join(name)).ok()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Not while others use it, nor when a log was kept in it: then it isn't empty.
        if self.maker.is_here() && sys::is_alone(&self.lock) {
            for dir in self.dirs() {
                let _ = fs::remove_dir(dir);
            }
        }
    }
}

/// With what the names of a process's sessions begin. Those that several share begin with a letter.
fn prefix(process: u32) -> String {
    format!("{process}-")
}

/// Where the user wants logs.
fn log_dir() -> io::Result<Option<PathBuf>> {
    let dir = sys::runner::path_from_env("SUMMON_LOG_DIR");
    dir.map(std::path::absolute).transpose()
}

/// Where the logs of a session are.
fn logs_of(session: &Path, log_dir: Option<&Path>) -> PathBuf {
    let Some(dir) = log_dir else {
        return session.to_owned();
    };
    let name = session.file_name().unwrap_or_default().to_string_lossy();
    dir.join(format!("{}-{name}", program()))
}

/// Our own.
pub(crate) fn base() -> io::Result<PathBuf> {
    base_of(sys::user(), |_| Ok(()))
}

/// `<temp>/summon-<uid>`, refused unless it is that user's alone. `give` makes a new one his.
fn base_of(uid: u32, give: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<PathBuf> {
    if let Some(missing) = sys::missing() {
        return Err(io::Error::new(io::ErrorKind::Unsupported, missing.what));
    }
    // Absolute, since guards and services have other working directories.
    let base = std::path::absolute(std::env::temp_dir())?.join(format!("summon-{uid}"));
    match private::directory().create(&base) {
        Ok(()) => give(&base)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let found = fs::symlink_metadata(&base)?;
    if !found.is_dir() || !private::is_of(&found, uid) {
        return Err(io::Error::other(
            "it must be a directory of this user's with mode 0700; remove it, or set TMPDIR",
        ));
    }
    Ok(base)
}

fn log_options() -> OpenOptions {
    let mut options = private::options();
    options.append(true);
    options
}

/// Random enough for names and for where to begin a search.
pub(crate) fn random() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    // The keys are those of the thread, which a forked child has a copy of.
    Maker::here().hash(&mut hasher);
    SystemTime::now().hash(&mut hasher);
    hasher.finish()
}

/// What this program is called, without the digits that cargo gives to test binaries.
fn program() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    match name.rsplit_once('-') {
        Some((name, hash)) if hash.len() == 16 => name.to_owned(),
        _ => name.into_owned(),
    }
}
