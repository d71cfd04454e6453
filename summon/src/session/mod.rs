//! The directories where summon keeps its files: one session per test process, or for what the
//! processes of a run share, and a home per process in it.
//!
//! `<temp>/summon-<uid>/<session>/<name>` is the private directory of a process (`{dir}`), and
//! `<test>.<name>.log` beside it is its log: a directory that is empty at the start can be given to
//! programs such as `initdb`, which insist on that. Directories are 0700, files 0600. A private
//! directory that the user opens to others is in `<temp>/summon-<uid>-open`, as `<session>-<name>`.
//! `SUMMON_LOG_DIR` moves the logs, to `<dir>/<program>-<session>`, or under nextest to
//! `<dir>/<program>-<test>-<session>`, and `SUMMON_KEEP` keeps them.

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

/// The directory of this test process or of its run, while some process of it has files there. Its
/// lock says that it is in use; guards hold the lock too.
#[derive(Debug)]
pub(crate) struct Session {
    path: PathBuf,
    /// Locked, as long as this and its copies are open.
    dir: Dir,
    /// Where the logs are.
    logs: PathBuf,
    logs_dir: Dir,
    /// Several processes use it, so the lock does not tell who of them lives.
    is_shared: bool,
    maker: Maker,
    /// Of its directories and logs, in this process.
    names: Mutex<BTreeSet<String>>,
}

/// What guards report of tests that were killed, beside the logs.
pub(crate) const REPORT: &str = "report.txt";
/// The mode of a directory through which other users pass, and which they can't list.
const PASSED: u32 = 0o711;
/// So often something is tried whose place others have taken, or taken away.
const TRIES: u32 = 100;

/// That of this process, if it has one now, with the user whose it is: a process that becomes another
/// user makes another one.
static CURRENT: PerProcess<Mutex<Current>> = PerProcess::new();
type Current = Option<(u32, Weak<Session>)>;

impl Session {
    fn current() -> io::Result<Arc<Session>> {
        // Held while a session is made, so that two threads don't make two.
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
            // Somebody who cleans may have been here between the two steps: then the directory is
            // gone, or locked for a moment, and another name will do.
            let made = match base.dir.enter_locked(&name, Lock::Nobody) {
                Ok(None) => continue,
                Ok(Some(dir)) => Session::at(base.path.join(&name), dir, false),
                Err(error) => Err(error),
            };
            match made.inspect_err(|_| drop(base.dir.remove_empty(&name))) {
                // Somebody has taken the name where the logs go.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made,
            }
        }
        Err(io::Error::other("no free name for a session directory"))
    }

    /// The directory of that name, which several processes use.
    pub(crate) fn shared(name: &str) -> io::Result<Session> {
        clean::after_all(&Base::own()?);
        for _ in 0..10 * TRIES {
            let base = Base::own()?;
            base.has(name.as_ref(), false)?;
            // Who cleans may be at it; what it takes away is made again.
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

    /// What goes when nobody uses it any more, unless a log was kept in it.
    fn dirs(&self) -> Vec<PathBuf> {
        let logs = (self.logs != self.path).then(|| self.logs.clone());
        logs.into_iter().chain([self.path.clone()]).collect()
    }

    /// Leaves a note for the other processes, whole or not at all.
    pub(crate) fn remember(&self, name: &str, note: &str) {
        let draft = OsString::from(format!("{name}.{:x}", random()));
        let written = self.dir.create(&draft);
        let written = written.and_then(|mut file| file.write_all(note.as_bytes()));
        // Without a note the others will try for themselves, which is the second best.
        if written.is_err() || self.dir.rename(&draft, name.as_ref()).is_err() {
            let _ = self.dir.remove_file(&draft);
        }
    }

    /// A note that another process has left.
    pub(crate) fn recall(&self, name: &str) -> Option<String> {
        let file = self.dir.append(name.as_ref()).ok()?;
        io::read_to_string(file).ok()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Not while others use it, nor when a log was kept in it: then it isn't empty.
        if self.maker.is_here() && sys::is_alone(&self.dir) {
            for dir in self.dirs() {
                let _ = fs::remove_dir(dir);
            }
        }
    }
}

/// Makes the directory for the logs of a session, and opens it. Others may write where it is made, so
/// it is ours only if it was not there before, or if it is what another process of ours has made.
fn logs_in(log_dir: &Path, logs: &Path, is_shared: bool) -> io::Result<Dir> {
    let mut builder = private::directory();
    let made = builder.recursive(true).create(log_dir);
    // Not the error of a name that is taken, for which another name would do.
    made.map_err(|error| io::Error::other(error.to_string()))?;
    // The last component may be a link: that is what the user has named.
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
    let session = name_of(session);
    let mut name = short_file_name(&program());
    // The process is there for one test.
    let test = sys::runner::only_test().filter(|_| !clean::is_shared(session));
    if let Some(test) = test {
        name = format!("{name}-{}", short_file_name(&test));
    }
    dir.join(format!("{name}-{}", session.to_string_lossy()))
}

/// `<temp>/summon-<uid>`, our own.
pub(crate) fn base() -> io::Result<PathBuf> {
    Base::own().map(|base| base.path)
}

/// A directory that has sessions, or what root makes for other users: `<temp>/summon-<uid>`.
#[derive(Debug)]
struct Base {
    path: PathBuf,
    dir: Dir,
}

impl Base {
    /// That of our own user.
    fn own() -> io::Result<Base> {
        Base::of(sys::user(), None)
    }

    /// Our own, through which other users pass: `<temp>/summon-<uid>-open`.
    fn open() -> io::Result<Base> {
        let (path, _) = Base::made(&open_base(sys::user()))?;
        let base = Base::open_at(path)?;
        // Which its owner alone may do, also where users who are not mapped have one number.
        base.dir.set_mode(PASSED)?;
        Ok(base)
    }

    /// That of another user, as root makes it.
    fn of_user(user: User) -> io::Result<Base> {
        Base::of(user.uid, Some(user))
    }

    /// Makes a directory in it, and says whether it is a new one, or at least there.
    fn has(&self, name: &OsStr, is_new: bool) -> io::Result<bool> {
        match self.dir.make(name) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(!is_new),
            // The base was empty, and somebody has removed it: another is made.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Refused unless it is that user's alone.
    fn of(uid: u32, give: Option<User>) -> io::Result<Base> {
        let (path, dir) = Base::made(&format!("summon-{uid}"))?;
        if let Some(user) = give {
            // Another process may just have made it, and not yet given it away.
            if dir.found()?.is_of(sys::user()) {
                dir.give(user)?;
            }
        }
        Base::checked(path, dir, uid)
    }

    /// Makes it, unless it is there, and opens it.
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
        // From here on it is this one, whatever becomes of its name.
        let dir = match Dir::open(&path) {
            // It was empty, and somebody has removed it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                private::directory().create(&path)?;
                Dir::open(&path)?
            }
            opened => opened.map_err(|_| not_private())?,
        };
        Ok((path, dir))
    }

    /// One that is there.
    fn at(path: PathBuf, uid: u32) -> io::Result<Base> {
        let dir = Dir::open(&path)?;
        Base::checked(path, dir, uid)
    }

    /// That through which other users pass, if it is there.
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
        // A stranger's may be open to all the next moment.
        match dir.found()?.is_of(uid) && (uid != sys::user() || dir.is_proved()) {
            true => Ok(Base { path, dir }),
            false => Err(not_private()),
        }
    }
}

/// The name of the directory through which other users pass.
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

/// What this program is called, without the digits that cargo gives to test binaries.
fn program() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    match name.rsplit_once('-') {
        Some((name, hash)) if hash.len() == 16 => name.to_owned(),
        _ => name.into_owned(),
    }
}
