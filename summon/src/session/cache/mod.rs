//! Results of commands, which later starts copy.
//!
//! `<temp>/summon-<uid>-cache/<key>/tree` is the result of commands that run once. The cache belongs
//! to the user of the service, so that the commands run as that user. `SUMMON_CACHE` moves it, and
//! `SUMMON_CACHE=0` switches it off. A process that copies a result holds a shared lock on `<key>`,
//! and a process that removes it the exclusive one. `<key>.lock` belongs to the process that makes
//! the result, in `<key>.<number>`. A cache that can't be used is never an error: its user runs the
//! commands instead.

mod leftovers;
mod making;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

pub(super) use self::leftovers::{place, sweep};
use super::base::Base;
use crate::sys::dir::Dir;
use crate::sys::fd::BorrowedFd;
use crate::sys::users::{Access, User};
use crate::sys::{self, Lock, foreign_dir, trees};

/// How long to keep a result that nobody uses.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The interval between two searches for such results.
const TIDIED: Duration = Duration::from_secs(24 * 60 * 60);
/// The least interval between two notes of a use.
const NOTED: Duration = Duration::from_secs(60 * 60);
/// The first line of a note about commands whose result can't be copied.
const UNFIT: &str = "unfit";

/// The cache of a user.
#[derive(Debug)]
pub(crate) struct Cache {
    base: Base,
    access: Access,
    owner: u32,
}

/// The result of a look into the cache.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Looked {
    /// The directory has a copy.
    Copied,
    /// The cache has no result.
    Absent,
    /// The cache can't help. The directory may have a part of a copy.
    Failed,
}

impl Cache {
    /// Opens or makes the cache of this user, or of another user as root. `None` if it is off or
    /// can't be used.
    pub(crate) fn of(user: Option<User>) -> Option<Cache> {
        let parent = place()?;
        // The user of the service must be able to enter it.
        let mut builder = match user {
            Some(_) => sys::private::passed_directory(),
            None => sys::private::directory(),
        };
        builder.recursive(true).create(&parent).ok()?;
        let owner = user.map_or_else(sys::user, |user| user.uid);
        let cache = Cache {
            base: Base::cache(&parent, owner, user).ok()?,
            access: Access { user, mode: 0o700 },
            owner,
        };
        cache.tidy_at_times();
        Some(cache)
    }

    /// Returns the place for the result of commands that this text describes.
    pub(crate) fn entry<'a>(&'a self, key: &'a str) -> Entry<'a> {
        let name = format!("{:016x}", trees::digest_of(key.as_bytes()));
        Entry {
            cache: self,
            key,
            name: name.into(),
        }
    }

    fn tidy_at_times(&self) {
        let mark = OsStr::new(".tidied");
        let age = self.base.dir.look(mark).ok().and_then(|found| found.age());
        if age.is_none_or(|age| age > TIDIED) && self.write(&self.base.dir, mark, "").is_ok() {
            self.tidy();
        }
    }

    /// Removes results that nobody has used for long, and parts that killed processes have left.
    fn tidy(&self) {
        for name in self.base.dir.names().unwrap_or_default() {
            let Ok(Some(dir)) = self.base.dir.enter_locked(&name, Lock::Nobody) else {
                self.tidy_lock(&name);
                continue;
            };
            let used = dir.look(OsStr::new("key")).or_else(|_| dir.found()).ok();
            if used.and_then(|used| used.age()).is_some_and(|it| it > KEPT) {
                self.base.dir.remove(&name, &self.base.path);
            }
        }
        leftovers::remove(&self.base);
    }

    fn tidy_lock(&self, name: &OsStr) {
        let is_lock = name.to_string_lossy().ends_with(".lock");
        let Some(found) = is_lock.then(|| self.base.dir.look(name).ok()).flatten() else {
            return;
        };
        if found.age().is_some_and(|age| age > KEPT) {
            let file = self.base.dir.append(name).ok();
            // Under the lock: no process may rely on a file without a name.
            if file.is_some_and(|file| sys::try_lock_file(&file).unwrap_or(false)) {
                let _ = self.base.dir.remove_file(name);
            }
        }
    }

    /// Writes a file that belongs to the user.
    fn write(&self, dir: &Dir, name: &OsStr, text: &str) -> io::Result<()> {
        let path = Path::new(name);
        foreign_dir::file(dir.try_clone()?, path, text.as_bytes(), 0o600, self.access)
    }
}

/// The place of one result.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    cache: &'a Cache,
    key: &'a str,
    name: OsString,
}

impl Entry<'_> {
    /// Copies the result into a directory. Waits while another process may remove the result, up to
    /// `until` or until `given_up` becomes readable.
    pub(crate) fn copy_to(&self, to: &Dir, until: Instant, given_up: BorrowedFd<'_>) -> Looked {
        let base = &self.cache.base.dir;
        let dir = match base.wait_locked(&self.name, Lock::Others, until, given_up) {
            Ok(Some(dir)) => dir,
            Ok(None) => return Looked::Absent,
            Err(_) => return Looked::Failed,
        };
        let (Ok(note), Ok(file)) = (read(&dir), dir.append(OsStr::new("key"))) else {
            self.remove(&dir);
            return Looked::Absent;
        };
        let Some((print, key)) = note.split_once('\n') else {
            self.remove(&dir);
            return Looked::Absent;
        };
        // Another text may have the same digest.
        if key != self.key || print == UNFIT {
            return Looked::Failed;
        }
        let age = dir.look(OsStr::new("key")).ok().and_then(|it| it.age());
        if age.is_none_or(|age| age > NOTED) {
            let _ = file.set_modified(SystemTime::now());
        }
        match self.copy_tree(&dir, to) {
            Ok(copied) if shown(copied) == print => Looked::Copied,
            Err(error) if !is_damage(&error) => Looked::Failed,
            _ => {
                self.remove(&dir);
                Looked::Failed
            }
        }
    }

    fn copy_tree(&self, dir: &Dir, to: &Dir) -> io::Result<trees::Print> {
        let tree = dir.enter(OsStr::new("tree"))?;
        trees::copy(&tree, to, self.cache.owner, self.cache.access.user)
    }

    /// Removes a damaged result, unless another process copies it.
    fn remove(&self, dir: &Dir) {
        let base = &self.cache.base;
        if sys::is_alone(dir) && base.dir.has(&self.name, dir) {
            base.dir.remove(&self.name, &base.path);
        }
    }

    /// Whether the cache has a result, or another process holds its place.
    pub(crate) fn exists(&self) -> bool {
        self.cache.base.dir.look(&self.name).is_ok()
    }

    /// Waits for the right to make the result. Returns `None` at `until`, or when `given_up` becomes
    /// readable.
    pub(crate) fn lock(
        &self,
        until: Instant,
        given_up: BorrowedFd<'_>,
    ) -> io::Result<Option<File>> {
        let name = leftovers::lock_of(&self.name);
        let dir = &self.cache.base.dir;
        loop {
            let opened = match dir.append(&name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    foreign_dir::new_file(dir, &name, self.cache.access)
                }
                opened => opened,
            };
            let file = match opened {
                // Another process has made it meanwhile.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                opened => opened?,
            };
            match sys::lock_file(file, until, given_up)? {
                // A process that tidies up has removed it meanwhile.
                Some(file) if !dir.has(&name, &file) => {}
                locked => return Ok(locked),
            }
        }
    }
}

fn read(dir: &Dir) -> io::Result<String> {
    let mut text = String::new();
    dir.append(OsStr::new("key"))?.read_to_string(&mut text)?;
    Ok(text)
}

fn shown(print: trees::Print) -> String {
    format!("{} {:016x}", print.entries, print.digest)
}

/// Whether a tree has an entry that can't be copied, or lacks one.
fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, NotADirectory, NotFound, UnexpectedEof};
    [InvalidData, NotADirectory, NotFound, UnexpectedEof].contains(&error.kind())
}
