//! A directory that is held open. What is done in it is done there, wherever its path leads by then,
//! and through no link: another user may have put one there.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, FileType, FlockOperation, Gid, Mode, OFlags, Stat, Uid};

use super::peer::is_ours;
use super::users::User;
use super::{Left, Lock, remove};

#[derive(Debug)]
pub(crate) struct Dir(OwnedFd);

/// How a directory is opened.
pub(super) const OPEN: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

impl Dir {
    /// Opens the directory at a path, whose last component is no link.
    pub(crate) fn open(path: &Path) -> io::Result<Dir> {
        Ok(Dir(rustix::fs::open(path, OPEN, Mode::empty())?))
    }

    /// Opens a directory in this one.
    pub(crate) fn enter(&self, name: &OsStr) -> io::Result<Dir> {
        Ok(Dir(rustix::fs::openat(self, name, OPEN, Mode::empty())?))
    }

    /// Makes a directory in this one, which was not there before.
    pub(crate) fn make(&self, name: &OsStr) -> io::Result<Dir> {
        rustix::fs::mkdirat(self, name, Mode::RWXU)?;
        let made = self.enter(name)?;
        // Whoever else may write here could have put another one in its place.
        made.found()?.check_ours()?;
        Ok(made)
    }

    /// Opens a directory in this one and locks it, until the descriptor and all its copies are closed.
    /// `None` if somebody holds the lock, or if the directory is not there any more.
    pub(crate) fn enter_locked(&self, name: &OsStr, lock: Lock) -> io::Result<Option<Dir>> {
        let operation = match lock {
            Lock::Nobody => FlockOperation::NonBlockingLockExclusive,
            Lock::Others => FlockOperation::NonBlockingLockShared,
        };
        let dir = match self.enter(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let locked = super::locks::try_lock(dir.as_fd(), operation)?;
        // Somebody may have removed it before it was locked, and another made one of its name.
        let same = locked && self.has(name, &dir);
        Ok(same.then_some(dir))
    }

    /// Makes a private file, which was not there before.
    pub(crate) fn create(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OFlags::CREATE | OFlags::EXCL)
    }

    /// Opens a file in it to read and to append.
    pub(crate) fn append(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OFlags::empty())
    }

    /// The same, and makes the file if need be.
    pub(crate) fn append_or_create(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OFlags::CREATE)
    }

    fn file(&self, name: &OsStr, flags: OFlags) -> io::Result<File> {
        // Without waiting for the other end of what somebody may have put there.
        let flags = flags | OFlags::RDWR | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = rustix::fs::openat(self, name, flags | OFlags::CLOEXEC, mode)?;
        rustix::fs::fcntl_setfl(&file, OFlags::APPEND)?;
        Ok(file.into())
    }

    pub(crate) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(self, from, self, to)?)
    }

    pub(crate) fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(self, name, AtFlags::empty())?)
    }

    /// Removes an empty directory.
    pub(crate) fn remove_empty(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(self, name, AtFlags::REMOVEDIR)?)
    }

    /// Removes whatever has that name, with all that is in it, and says what could not be removed.
    /// `path`: what this directory is called.
    pub(crate) fn remove(&self, name: &OsStr, path: &Path) -> Vec<Left> {
        remove::all(self.as_fd(), name, path)
    }

    /// The names of what is in it.
    pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
        let mut read = rustix::fs::Dir::read_from(self)?;
        names(&mut read)
    }

    /// What it is itself.
    pub(crate) fn found(&self) -> io::Result<Found> {
        Found::of(self)
    }

    /// What has that name in it.
    pub(crate) fn look(&self, name: &OsStr) -> io::Result<Found> {
        let found = rustix::fs::statat(self, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(Found(found))
    }

    /// Whether that is the file which has the name.
    pub(crate) fn has(&self, name: &OsStr, file: impl AsFd) -> bool {
        let id = |found: &Stat| (found.st_dev, found.st_ino);
        let open = rustix::fs::fstat(file).ok();
        let named = self.look(name).ok().map(|found| id(&found.0));
        named.is_some() && named == open.as_ref().map(id)
    }

    /// Whether it is this user's, as its number says. Where all users who are not mapped have that
    /// number, the owner alone may set the mode.
    pub(crate) fn is_proved(&self) -> bool {
        is_ours(super::user()) || rustix::fs::fchmod(self, Mode::RWXU).is_ok()
    }

    /// Gives it to a user, as root may. One that is that user's already stays so.
    pub(crate) fn give(&self, user: User) -> io::Result<()> {
        give(self.as_fd(), user)
    }

    /// Sets its mode, whatever the umask.
    pub(crate) fn set_mode(&self, mode: u32) -> io::Result<()> {
        Ok(rustix::fs::fchmod(self, Mode::from_raw_mode(mode as _))?)
    }

    pub(crate) fn try_clone(&self) -> io::Result<Dir> {
        Ok(Dir(self.0.try_clone()?))
    }
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<OwnedFd> for Dir {
    fn from(dir: OwnedFd) -> Dir {
        Dir(dir)
    }
}

impl From<Dir> for OwnedFd {
    fn from(dir: Dir) -> OwnedFd {
        dir.0
    }
}

/// The names that are still to be read, but for the directory itself and its parent.
pub(super) fn names(read: &mut rustix::fs::Dir) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    while let Some(entry) = read.read() {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name));
        }
    }
    Ok(names)
}

/// Gives the user what we have just made; what somebody has put in its place is no longer ours.
pub(super) fn give(made: BorrowedFd<'_>, user: User) -> io::Result<()> {
    Found::of(made)?.check_ours()?;
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    Ok(rustix::fs::fchown(made, Some(uid), Some(gid))?)
}

/// What something is, as the kernel says, also where a library in between says something else
/// (`fakeroot(1)`).
pub(crate) struct Found(Stat);

impl Found {
    pub(crate) fn of(file: impl AsFd) -> io::Result<Found> {
        Ok(Found(rustix::fs::fstat(file)?))
    }

    pub(crate) fn owner(&self) -> u32 {
        self.0.st_uid
    }

    pub(crate) fn mode(&self) -> u32 {
        (self.0.st_mode & 0o7777) as _
    }

    pub(crate) fn is_file(&self) -> bool {
        FileType::from_raw_mode(self.0.st_mode) == FileType::RegularFile
    }

    /// How long ago it was changed.
    pub(crate) fn age(&self) -> Option<Duration> {
        let changed = Duration::from_secs(self.0.st_mtime.try_into().ok()?);
        let changed = SystemTime::UNIX_EPOCH.checked_add(changed)?;
        changed.elapsed().ok()
    }

    fn check_ours(&self) -> io::Result<()> {
        match self.owner() == super::user() {
            true => Ok(()),
            false => Err(io::Error::other("somebody has put another one there")),
        }
    }
}
