//! The directories where summon keeps its files: one session per test process or per run, and in it
//! a home per process.
//!
//! `<temp>/summon-<uid>/<session>/<name>` is the private directory of a process (`{dir}`), and
//! `<test>.<name>.log` beside it is its log. Programs such as `initdb` need a directory that is
//! empty at the start. Directories have mode 0700, files 0600. A private directory that the user
//! opens to others is `<temp>/summon-<uid>-open/<session>-<name>`. `SUMMON_LOG_DIR` moves the logs
//! to `<dir>/<program>-<session>`, or under nextest to `<dir>/<program>-<test>-<session>`.
//! `SUMMON_KEEP` keeps them.

mod claim;
mod clean;
mod home;
mod names;
mod streams;
mod sweep;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use claim::Claim;
#[cfg(unix)]
pub(crate) use clean::after as clean_after;
pub(crate) use home::{Home, Log};
use names::short_file_name;
pub(crate) use streams::{Streams, Written};
pub(crate) use sweep::{INTERRUPTED, Sweep};

use crate::sys::dir::Dir;
use crate::sys::maker::{Maker, PerProcess};
use crate::sys::users::User;
use crate::sys::{self, Lock, private, random};

/// The directory of this test process or of its run, while a process in it has files. A lock on the
/// directory marks it as used. Guards hold the lock too.
#[derive(Debug)]
pub(crate) struct Session {
    path: PathBuf,
    /// Locked until this and all its copies are closed.
    dir: Dir,
    /// The directory of the logs.
    logs: PathBuf,
    logs_dir: Dir,
    /// Several test processes use the session, so the lock does not show which processes are alive.
    is_shared: bool,
    maker: Maker,
    /// The names of directories and logs of this process.
    names: Mutex<BTreeSet<String>>,
}

/// The reports of guards about killed tests, beside the logs.
pub(crate) const REPORT: &str = "report.txt";
/// The mode of a directory that other users can pass through but not list.
const PASSED: u32 = 0o711;
/// How often to retry a step after other processes took a name or removed a directory.
const TRIES: u32 = 100;

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
        clean::after_all(&Base::own()?);
        let session = Arc::new(Session::create()?);
        *current = Some((me, Arc::downgrade(&session)));
        Ok(session)
    }

    fn create() -> io::Result<Session> {
        for _ in 0..TRIES {
            let number = random() & 0xffff;
            let name = OsString::from(format!("{}{number:04x}", prefix(std::process::id())));
            let base = Base::own()?;
            if !base.has(&name, true)? {
                continue;
            }
            // Another process may clean up between the two steps. Then the directory was removed,
            // or is locked for a moment, and another name will do.
            let made = match base.dir.enter_locked(&name, Lock::Nobody) {
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
        for _ in 0..10 * TRIES {
            let base = Base::own()?;
            base.has(name.as_ref(), false)?;
            // Another process may be cleaning it. If that removes the directory, the next round
            // makes it again.
            if let Some(dir) = base.dir.enter_locked(name.as_ref(), Lock::Others)? {
                return Session::at(base.path.join(name), dir, true);
            }
            std::thread::yield_now();
        }
        Err(io::Error::other("its directory can't be locked"))
    }

    fn at(path: PathBuf, dir: Dir, is_shared: bool) -> io::Result<Session> {
        let log_dir = log_dir()?;
        let logs = logs_of(&path, log_dir.as_deref());
        let logs_dir = match &log_dir {
            None => dir.try_clone()?,
            Some(log_dir) => logs_in(log_dir, &logs, is_shared).map_err(|error| {
                let why = format!(
                    "{}, where SUMMON_LOG_DIR wants logs: {error}",
                    logs.display()
                );
                io::Error::new(error.kind(), why)
            })?,
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
    pub(crate) fn remember(&self, name: &str, note: &str) {
        let draft = OsString::from(format!("{name}.{:x}", random()));
        let written = self.dir.create(&draft);
        let written = written.and_then(|mut file| file.write_all(note.as_bytes()));
        // Without a note the other processes try for themselves, which is slower but correct.
        if written.is_err() || self.dir.rename(&draft, name.as_ref()).is_err() {
            let _ = self.dir.remove_file(&draft);
        }
    }

    /// Reads a note of another process.
    pub(crate) fn recall(&self, name: &str) -> Option<String> {
        let file = self.dir.append(name.as_ref()).ok()?;
        io::read_to_string(file).ok()
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

/// Returns the prefix of the names of a process's sessions. Names of shared sessions begin with a
/// letter.
fn prefix(process: u32) -> String {
    format!("{process}-")
}

/// Returns the user's directory for logs, if set.
fn log_dir() -> io::Result<Option<PathBuf>> {
    let dir = sys::runner::path_from_env("SUMMON_LOG_DIR");
    dir.map(std::path::absolute).transpose()
}

/// Returns the directory for the logs of a session.
fn logs_of(session: &Path, log_dir: Option<&Path>) -> PathBuf {
    let Some(dir) = log_dir else {
        return session.to_owned();
    };
    let session = name_of(session);
    let mut name = short_file_name(&program());
    // Under nextest the process runs only this test.
    let test = sys::runner::only_test().filter(|_| !clean::is_shared(session));
    if let Some(test) = test {
        name = format!("{name}-{}", short_file_name(&test));
    }
    dir.join(format!("{name}-{}", session.to_string_lossy()))
}

/// Returns `<temp>/summon-<uid>` of this user.
pub(crate) fn base() -> io::Result<PathBuf> {
    Base::own().map(|base| base.path)
}

/// A directory with sessions, or with directories that root makes for other users:
/// `<temp>/summon-<uid>`.
#[derive(Debug)]
struct Base {
    path: PathBuf,
    dir: Dir,
}

impl Base {
    /// Opens or makes the base of this user.
    fn own() -> io::Result<Base> {
        Base::of(sys::user(), None)
    }

    /// Opens or makes the base of this user that other users pass through:
    /// `<temp>/summon-<uid>-open`.
    fn open() -> io::Result<Base> {
        let (path, _) = Base::made(&open_base(sys::user()))?;
        let base = Base::open_at(path)?;
        // Only the owner may set the mode. This also fails for a directory of another user whom the
        // kernel shows under the same number because neither is mapped (`user_namespaces(7)`).
        base.dir.set_mode(PASSED)?;
        Ok(base)
    }

    /// Opens or makes the base of another user, as root.
    fn of_user(user: User) -> io::Result<Base> {
        Base::of(user.uid, Some(user))
    }

    /// Makes a directory. Returns whether it is new, or with `is_new = false` whether it exists.
    fn has(&self, name: &OsStr, is_new: bool) -> io::Result<bool> {
        match self.dir.make(name) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(!is_new),
            // Another process has removed the empty base. The caller makes a new one.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Opens or makes the base of a user. Fails unless only that user can access it.
    fn of(uid: u32, give: Option<User>) -> io::Result<Base> {
        let (path, dir) = Base::made(&format!("summon-{uid}"))?;
        if let Some(user) = give {
            // Another process may have made it just now, and not yet changed its owner.
            if dir.found()?.is_of(sys::user()) {
                dir.give(user)?;
            }
        }
        Base::checked(path, dir, uid)
    }

    /// Makes the directory if it does not exist, and opens it.
    fn made(name: &str) -> io::Result<(PathBuf, Dir)> {
        if let Some(missing) = sys::missing() {
            return Err(io::Error::new(io::ErrorKind::Unsupported, missing.what));
        }
        // Absolute, since guards and services have other working directories.
        let path = std::path::absolute(std::env::temp_dir())?.join(name);
        match private::directory().create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // From here on the descriptor identifies the directory, even if its name is changed.
        let dir = match Dir::open(&path) {
            // Another process has removed the empty directory meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                private::directory().create(&path)?;
                Dir::open(&path)?
            }
            opened => opened.map_err(|_| not_private())?,
        };
        Ok((path, dir))
    }

    /// Opens an existing base.
    fn at(path: PathBuf, uid: u32) -> io::Result<Base> {
        let dir = Dir::open(&path)?;
        Base::checked(path, dir, uid)
    }

    /// Opens the base that other users pass through, if it exists.
    fn open_at(path: PathBuf) -> io::Result<Base> {
        let dir = Dir::open(&path)?;
        match dir.found()?.is_of_or_passed(sys::user()) {
            true => Ok(Base { path, dir }),
            false => Err(io::Error::other(
                "it must be a directory of this user's with mode 0711; remove it, or set TMPDIR",
            )),
        }
    }

    fn checked(path: PathBuf, dir: Dir, uid: u32) -> io::Result<Base> {
        // A stranger could open such a directory to all users at any later moment.
        match dir.found()?.is_of(uid) && (uid != sys::user() || dir.is_proved()) {
            true => Ok(Base { path, dir }),
            false => Err(not_private()),
        }
    }
}

/// Returns the name of the base that other users pass through.
fn open_base(uid: u32) -> String {
    format!("summon-{uid}-open")
}

fn not_private() -> io::Error {
    io::Error::other(
        "it must be a directory of this user's with mode 0700; remove it, or set TMPDIR",
    )
}

fn name_of(path: &Path) -> &OsStr {
    path.file_name().unwrap_or_default()
}

/// Returns the name of this program, without the hash that cargo adds to test binaries.
fn program() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    match name.rsplit_once('-') {
        Some((name, hash)) if hash.len() == 16 => name.to_owned(),
        _ => name.into_owned(),
    }
}
