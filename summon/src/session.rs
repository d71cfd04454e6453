//! The directories where summon keeps its files: one session per test process, or for what the
//! processes of a run share, and a home per process in it.
//!
//! `<temp>/summon-<uid>/<session>/<name>` is the private directory of a process (`{dir}`), and
//! `<name>.log` beside it is its log: a directory that is empty at the start can be given to
//! programs such as `initdb`, which insist on that. Directories are 0700, files 0600.
//! `SUMMON_LOG_DIR` moves the logs, to `<dir>/<program>-<session>`, and `SUMMON_KEEP` keeps them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use crate::error::{Error, Source};
use crate::sys::{self, Lock};

/// Logs that an error has named are kept for so long.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// How often it is looked for them.
const CLEANED: Duration = Duration::from_secs(5 * 60);

/// The directory of this test process or of its run, while some process of it has files there. Its
/// lock says that it is in use; guards hold the lock too.
#[derive(Debug)]
pub(crate) struct Session {
    path: PathBuf,
    /// Where the logs are.
    logs: PathBuf,
    lock: OwnedFd,
}

static CURRENT: Mutex<Weak<Session>> = Mutex::new(Weak::new());

impl Session {
    fn current() -> io::Result<Arc<Session>> {
        // Held while a session is made, so that two threads don't make two.
        let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = current.upgrade() {
            return Ok(session);
        }
        let base = base()?;
        clean(&base);
        let session = Arc::new(Session::create(&base)?);
        *current = Arc::downgrade(&session);
        Ok(session)
    }

    fn create(base: &Path) -> io::Result<Session> {
        for _ in 0..100 {
            let path = base.join(format!("{:06x}", random() & 0xff_ffff));
            match private_dir().create(&path) {
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
        clean(&base);
        let path = base.join(name);
        for _ in 0..1000 {
            match private_dir().create(&path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            // Who cleans may be at it; what it takes away is made again.
            if let Ok(Some(lock)) = sys::lock_dir(&path, Lock::Others) {
                return Session::at(path, lock);
            }
            std::thread::yield_now();
        }
        Err(io::Error::other("its directory can't be locked"))
    }

    fn at(path: PathBuf, lock: OwnedFd) -> io::Result<Session> {
        let logs = match sys::runner::path_from_env("SUMMON_LOG_DIR") {
            Some(dir) => {
                let session = path.file_name().unwrap_or_default().to_string_lossy();
                let dir = std::path::absolute(dir)?.join(format!("{}-{session}", program()));
                let mut builder = private_dir();
                builder.recursive(true).create(&dir).map_err(|error| {
                    let dir = dir.display();
                    io::Error::other(format!("{dir}, where SUMMON_LOG_DIR wants logs: {error}"))
                })?;
                dir
            }
            None => path.clone(),
        };
        Ok(Session { path, logs, lock })
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
        if sys::is_alone(&self.lock) {
            for dir in self.dirs() {
                let _ = fs::remove_dir(dir);
            }
        }
    }
}

/// `<temp>/summon-<uid>`, refused unless it is ours alone.
fn base() -> io::Result<PathBuf> {
    // Absolute, since guards and services have other working directories.
    let base = std::path::absolute(std::env::temp_dir())?.join(format!("summon-{}", sys::user()));
    match private_dir().create(&base) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(&base)?;
    if !found.is_dir() || found.uid() != sys::user() || found.mode() & 0o077 != 0 {
        return Err(io::Error::other(
            "it must be a directory of this user's with mode 0700; remove it, or set TMPDIR",
        ));
    }
    Ok(base)
}

/// Removes what dead test processes left: empty sessions, and old ones with kept logs.
fn clean(base: &Path) {
    // Not each time: there may be thousands, and nextest makes a process for each test.
    let mark = base.join(".cleaned");
    let age = fs::metadata(&mark).and_then(|found| found.modified());
    if age.is_ok_and(|at| at.elapsed().is_ok_and(|age| age < CLEANED)) {
        return;
    }
    let marked = log_options().create(true).open(&mark);
    let _ = marked.and_then(|mark| mark.set_modified(SystemTime::now()));
    let Ok(entries) = fs::read_dir(base) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let Ok(Some(_lock)) = sys::lock_dir(&path, Lock::Nobody) else {
            continue;
        };
        let age = fs::metadata(&path).and_then(|found| found.modified());
        let old = age.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > KEPT));
        let _ = if old {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_dir(&path)
        };
    }
}

fn log_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    let no_links = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
    options.append(true).mode(0o600).custom_flags(no_links);
    options
}

fn private_dir() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// Random enough for names and for where to begin a search.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Where one process keeps its files, across its restarts. Dropping it removes them.
#[derive(Debug)]
pub(crate) struct Home {
    dir: PathBuf,
    /// Dropped after the directory is removed: it is the claim on the name of both.
    log: Arc<Log>,
}

/// The log of a process. It is removed with its last holder, unless an error that was shown has
/// named it: then somebody will want to read it.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    /// Open, so that it is the log whatever a service does to the file of its name.
    file: File,
    named: AtomicBool,
    is_ours: bool,
    /// Dropped after the file is removed, so that the session's directory is empty then.
    session: Arc<Session>,
}

impl Home {
    /// Makes one in that session, or in that of this process.
    pub(crate) fn create(name: &str, session: Option<Arc<Session>>) -> Result<Home, Error> {
        Home::try_create(&file_name(name), session).map_err(|error| {
            let base = std::env::temp_dir().join(format!("summon-{}", sys::user()));
            Error::new(format!("no private directory for {name}: {error}"))
                .fact("directory", base.display().to_string())
        })
    }

    fn try_create(name: &str, session: Option<Arc<Session>>) -> io::Result<Home> {
        let session = session.map_or_else(Session::current, Ok)?;
        // Tests that run in parallel may well call their processes alike.
        for number in 1.. {
            let name = match number {
                1 => name.to_owned(),
                _ => format!("{name}-{number}"),
            };
            let dir = session.path.join(&name);
            let path = session.logs.join(format!("{name}.log"));
            // The file claims the name, for the directory too: it is made first and removed last,
            // so that nobody removes what belongs to the next one of that name.
            let file = match log_options().read(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
                Ok(file) => file,
            };
            let log = Arc::new(Log {
                path,
                file,
                named: AtomicBool::new(false),
                is_ours: true,
                session: Arc::clone(&session),
            });
            if keeps_all() {
                log.name_it();
            }
            match private_dir().create(&dir) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(Home { dir, log }),
            }
        }
        Err(io::Error::other("no free name"))
    }

    /// That of a process which another test process has started, and whose files it removes.
    pub(crate) fn of_others(dir: PathBuf, log: PathBuf, session: Arc<Session>) -> io::Result<Home> {
        let log = Arc::new(Log {
            file: log_options().read(true).open(&log)?,
            path: log,
            named: AtomicBool::new(false),
            is_ours: false,
            session,
        });
        Ok(Home { dir, log })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// The log, for whoever reads or names it.
    pub(crate) fn share_log(&self) -> Arc<Log> {
        Arc::clone(&self.log)
    }

    /// The log for its writer, which appends.
    pub(crate) fn open_log(&self) -> io::Result<File> {
        self.log.file.try_clone()
    }

    /// What a guard removes in our place, and the lock that it holds meanwhile.
    pub(crate) fn for_guard(&self) -> io::Result<(sys::guard::Sweep, OwnedFd)> {
        let sweep = sys::guard::Sweep {
            tree: Some(self.dir.clone()),
            file: Some(self.log.path.clone()),
            parents: self.log.session.dirs(),
        };
        Ok((sweep, self.log.session.lock.try_clone()?))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if self.log.is_ours {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

impl Source for Log {
    fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self) -> &File {
        &self.file
    }

    fn name_it(&self) {
        self.named.store(true, Ordering::Relaxed);
        // For a guard that may have to clean up after this process.
        let kept = fs::Permissions::from_mode(sys::guard::KEPT_MODE);
        let _ = self.file.set_permissions(kept);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if !self.is_ours {
            return;
        }
        let _ = match self.named.load(Ordering::Relaxed) {
            true => sys::holes::leave(&self.file, &self.path),
            false => fs::remove_file(&self.path),
        };
    }
}

/// Whether the user wants to see the logs of tests that pass, too.
fn keeps_all() -> bool {
    std::env::var_os("SUMMON_KEEP").is_some_and(|keep| !keep.is_empty() && keep != "0")
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

/// A name that is a file name anywhere, and short: paths of Unix sockets end at 107 bytes.
fn file_name(name: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name
        .chars()
        .take(32)
        .map(|c| if safe(c) { c } else { '_' })
        .collect();
    match name.trim_start_matches('.') {
        "" => "process".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_of_one_name_are_apart_and_go_when_dropped() {
        let (one, two) = (
            Home::create("redis", None).unwrap(),
            Home::create("redis", None).unwrap(),
        );
        assert_ne!(one.dir(), two.dir());
        assert_eq!(fs::metadata(one.dir()).unwrap().mode() & 0o777, 0o700);
        one.open_log().unwrap();
        assert_eq!(one.log().file.metadata().unwrap().mode() & 0o777, 0o600);
        let (dir, log) = (one.dir().to_owned(), one.log().path.clone());
        drop(one);
        assert!(!dir.exists() && !log.exists());
        assert!(two.dir().exists());
    }

    #[test]
    fn nobody_removes_what_belongs_to_the_next_one_of_its_name() {
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    for _ in 0..200 {
                        let home = Home::create("contended", None).unwrap();
                        assert!(home.dir().is_dir() && home.log().path.is_file());
                        std::thread::yield_now();
                        assert!(home.dir().is_dir() && home.log().path.is_file());
                    }
                });
            }
        });
    }

    #[test]
    fn a_log_stays_if_it_was_named() {
        let home = Home::create("kept", None).unwrap();
        home.open_log().unwrap();
        home.share_log().name_it();
        let (dir, log) = (home.dir().to_owned(), home.log().path.clone());
        drop(home);
        assert!(!dir.exists() && log.exists());
        fs::remove_file(log).unwrap();
    }

    #[test]
    fn names_make_file_names() {
        assert_eq!(file_name("redis"), "redis");
        assert_eq!(file_name("../../etc"), "_.._etc");
        assert_eq!(file_name(""), "process");
        assert_eq!(file_name("ä/b"), "__b");
    }
}
