//! The directories in which sessions are, and how sessions and their logs are named.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use super::file_names::short_file_name;
use crate::sys::dir::Dir;
use crate::sys::users::User;
use crate::sys::{self, private};

/// The reports of guards about killed tests, beside the logs.
pub(crate) const REPORT: &str = "report.txt";
/// The mode of a directory that other users can pass through but not list.
const PASSED: u32 = 0o711;
/// How often to retry a step after other processes took a name or removed a directory.
pub(super) const TRIES: u32 = 100;
/// The prefix of the names of shared sessions.
pub(super) const SHARED: &str = "run";

pub(super) fn is_shared(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with(SHARED)
}

/// Returns the prefix of the names of a process's sessions. Names of shared sessions begin with a
/// letter.
pub(super) fn prefix(process: u32) -> String {
    format!("{process}-")
}

/// Returns the user's directory for logs, if set.
pub(super) fn log_dir() -> io::Result<Option<PathBuf>> {
    let dir = sys::runner::path_from_env("SUMMON_LOG_DIR");
    dir.map(std::path::absolute).transpose()
}

/// Returns the directory for the logs of a session.
pub(super) fn logs_of(session: &Path, log_dir: Option<&Path>) -> PathBuf {
    let Some(dir) = log_dir else {
        return session.to_owned();
    };
    let session = name_of(session);
    let mut name = short_file_name(&program());
    // Under nextest the process runs only this test.
    let test = sys::runner::only_test().filter(|_| !is_shared(session));
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
pub(super) struct Base {
    pub(super) path: PathBuf,
    pub(super) dir: Dir,
}

impl Base {
    /// Opens or makes the base of this user.
    pub(super) fn own() -> io::Result<Base> {
        Base::of(sys::user(), None)
    }

    /// Opens or makes the base of this user that other users pass through:
    /// `<temp>/summon-<uid>-open`.
    pub(super) fn open() -> io::Result<Base> {
        let (path, _) = Base::made(&open_base(sys::user()))?;
        let base = Base::open_at(path)?;
        // Only the owner may set the mode. This also fails for a directory of another user whom the
        // kernel shows under the same number because neither is mapped (`user_namespaces(7)`).
        base.dir.set_mode(PASSED)?;
        Ok(base)
    }

    /// Opens or makes the base of another user, as root.
    pub(super) fn of_user(user: User) -> io::Result<Base> {
        Base::of(user.uid, Some(user))
    }

    /// Opens or makes the cache of a user: `<parent>/summon-<uid>-cache`.
    #[cfg(unix)]
    pub(super) fn cache(parent: &Path, uid: u32, give: Option<User>) -> io::Result<Base> {
        Base::given(Base::made_in(parent, &cache_of(uid))?, uid, give)
    }

    /// Makes a directory, unless it exists. Another process may have removed the empty base, and the
    /// caller then makes a new one.
    pub(super) fn has(&self, name: &OsStr) -> io::Result<()> {
        use io::ErrorKind::{AlreadyExists, NotFound};
        match self.dir.make(name) {
            Err(error) if ![AlreadyExists, NotFound].contains(&error.kind()) => Err(error),
            _ => Ok(()),
        }
    }

    /// Opens or makes the base of a user. Fails unless only that user can access it.
    fn of(uid: u32, give: Option<User>) -> io::Result<Base> {
        Base::given(Base::made(&format!("summon-{uid}"))?, uid, give)
    }

    fn given(made: (PathBuf, Dir), uid: u32, give: Option<User>) -> io::Result<Base> {
        let (path, dir) = made;
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
        Base::made_in(&std::env::temp_dir(), name)
    }

    fn made_in(parent: &Path, name: &str) -> io::Result<(PathBuf, Dir)> {
        if let Some(missing) = sys::unmet() {
            return Err(io::Error::new(io::ErrorKind::Unsupported, missing.what));
        }
        // Absolute, since guards and services have other working directories.
        let path = std::path::absolute(parent)?.join(name);
        let mut is_new = false;
        // Another process may remove the empty directory before this one opens it.
        for _ in 0..TRIES {
            // From here on the descriptor identifies the directory, even if its name is changed.
            let dir = match Dir::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    match private::directory().create(&path) {
                        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                            return Err(error);
                        }
                        _ => is_new = true,
                    }
                    continue;
                }
                opened => opened.map_err(|_| not_private())?,
            };
            if is_new {
                #[cfg(unix)]
                sys::trees::spread(&dir);
            }
            return Ok((path, dir));
        }
        Err(io::Error::other("other processes remove it"))
    }

    /// Opens an existing base.
    pub(super) fn at(path: PathBuf, uid: u32) -> io::Result<Base> {
        let dir = Dir::open(&path)?;
        Base::checked(path, dir, uid)
    }

    /// Opens the base that other users pass through, if it exists.
    pub(super) fn open_at(path: PathBuf) -> io::Result<Base> {
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

/// Returns the name of the cache of a user.
#[cfg(unix)]
pub(super) fn cache_of(uid: u32) -> String {
    format!("summon-{uid}-cache")
}

/// Returns the name of the base that other users pass through.
pub(super) fn open_base(uid: u32) -> String {
    format!("summon-{uid}-open")
}

pub(super) fn not_private() -> io::Error {
    io::Error::other(
        "it must be a directory of this user's with mode 0700; remove it, or set TMPDIR",
    )
}

pub(super) fn name_of(path: &Path) -> &OsStr {
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

/// Returns the paths beside a log. The names begin with a dot, unlike the names of logs and
/// directories, so only the log's own process uses them.
pub(super) fn stream_logs(log: &Path) -> [PathBuf; 2] {
    let name = log.file_stem().unwrap_or_default().to_string_lossy();
    ["stdout", "stderr"].map(|stream| log.with_file_name(format!(".{name}.{stream}")))
}
