//! A directory that is held open. Operations act on this directory, wherever its path leads by
//! then, and follow no link, since another user may have put one there.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Stat, Uid};

use super::locks::Lock;
use super::peer::is_ours;
use super::users::User;

#[derive(Debug)]
pub(crate) struct Dir(OwnedFd);

/// The flags to open a directory.
pub(super) const OPEN: OFlags = OFlags::RDONLY
    // `NOFOLLOW` refuses a link as the last component (`open(2)`). `DIRECTORY` refuses any other
    // file, and makes the `open` of a named pipe fail at once instead of waiting. Close-on-exec
    // matters for locks: a program that inherited the descriptor would hold the directory's lock
    // until its own end.
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

impl Dir {
    /// Opens the directory at a path. Fails if the last component is a link.
    pub(crate) fn open(path: &Path) -> io::Result<Dir> {
        Ok(Dir(rustix::fs::open(path, OPEN, Mode::empty())?))
    }

    /// Opens a directory in this one.
    pub(crate) fn enter(&self, name: &OsStr) -> io::Result<Dir> {
        Ok(Dir(rustix::fs::openat(self, name, OPEN, Mode::empty())?))
    }

    /// Makes a new directory in this one.
    pub(crate) fn make(&self, name: &OsStr) -> io::Result<Dir> {
        rustix::fs::mkdirat(self, name, Mode::RWXU)?;
        let made = self.enter(name)?;
        // Between the two calls, another user with write permission here could have moved the new
        // directory away, and put one in its place. Such a directory belongs to that user.
        let found = made.found()?;
        found.check_ours()?;
        // The umask may have taken a right away.
        if found.mode() != 0o700 {
            rustix::fs::fchmod(&made, Mode::RWXU)?;
        }
        Ok(made)
    }

    /// Makes a new directory in this one and locks it. Returns `None` if another process has locked or
    /// removed it in between.
    pub(crate) fn make_locked(&self, name: &OsStr) -> io::Result<Option<Dir>> {
        rustix::fs::mkdirat(self, name, Mode::RWXU)?;
        let made = self.enter_locked(name, Lock::Nobody)?;
        if let Some(made) = &made {
            // See `make`.
            made.found()?.check_ours()?;
        }
        Ok(made)
    }

    /// Opens a directory in this one and locks it. The lock ends when the descriptor and all its
    /// copies are closed. Returns `None` if another process holds the lock, or if the directory
    /// does not exist.
    pub(crate) fn enter_locked(&self, name: &OsStr, lock: Lock) -> io::Result<Option<Dir>> {
        self.enter_when(name, |dir| Ok(lock.try_take(&dir)?.then_some(dir)))
    }

    /// Opens a directory in this one, and waits for the lock on it. Returns `None` at `until`, when
    /// `given_up` becomes readable, or if the directory does not exist.
    pub(crate) fn wait_locked(
        &self,
        name: &OsStr,
        lock: Lock,
        until: Instant,
        given_up: BorrowedFd<'_>,
    ) -> io::Result<Option<Dir>> {
        self.enter_when(name, |dir| {
            let locked = lock.wait(dir.0, until, given_up)?;
            Ok(locked.map(Dir))
        })
    }

    fn enter_when(
        &self,
        name: &OsStr,
        lock: impl FnOnce(Dir) -> io::Result<Option<Dir>>,
    ) -> io::Result<Option<Dir>> {
        let dir = match self.enter(name) {
            // Another process may have removed it since the caller saw the name.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let locked = lock(dir)?;
        // Between the open and the lock another process may have removed the directory, and a third
        // may have made a new one. Then this lock protects nothing, since others lock the new one.
        // After this check the name stays, since a cleaner takes the lock before it removes.
        Ok(locked.filter(|dir| self.has(name, dir)))
    }

    /// Makes a new private file.
    pub(crate) fn create(&self, name: &OsStr) -> io::Result<File> {
        // `EXCL` fails if anything has the name, a link included. So this opens no file of others, such
        // as a named pipe.
        Ok(self.open_file(name, OFlags::CREATE | OFlags::EXCL)?.into())
    }

    /// Opens a file in it to read and to append.
    pub(crate) fn append(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OFlags::empty())
    }

    /// Opens a file in it to read and to append, and makes it if it does not exist.
    pub(crate) fn append_or_create(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OFlags::CREATE)
    }

    fn file(&self, name: &OsStr, flags: OFlags) -> io::Result<File> {
        // Non-blocking: another user may have put a named pipe there, and `open` would wait for its
        // other end (`fifo(7)`).
        let file = self.open_file(name, flags | OFlags::NONBLOCK)?;
        // `F_SETFL` replaces all flags, so this clears the non-blocking one and keeps append mode.
        rustix::fs::fcntl_setfl(&file, OFlags::APPEND)?;
        // A read from a named pipe would wait forever, since this descriptor is its other end, too.
        match FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) {
            FileType::RegularFile => Ok(file.into()),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    fn open_file(&self, name: &OsStr, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        // In append mode the kernel moves to the end and writes in one step (`open(2)`), so writers
        // in several processes never overwrite each other on a local file system.
        let flags = flags | OFlags::RDWR | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(self, name, flags, Mode::RUSR | Mode::WUSR)
    }

    pub(crate) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        // Atomic: another process finds the old file at `to` or the new one, and never a missing or
        // partial file (`rename(2)`).
        Ok(rustix::fs::renameat(self, from, self, to)?)
    }

    pub(crate) fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(self, name, AtFlags::empty())?)
    }

    /// Removes an empty directory.
    pub(crate) fn remove_empty(&self, name: &OsStr) -> io::Result<()> {
        // The kernel checks that it is empty as part of the removal. So a file that another process
        // makes meanwhile can't be lost.
        Ok(rustix::fs::unlinkat(self, name, AtFlags::REMOVEDIR)?)
    }

    /// Lists the names of its entries.
    pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
        let mut read = rustix::fs::Dir::read_from(self)?;
        names(&mut read)
    }

    /// Returns the status of the directory itself.
    pub(crate) fn found(&self) -> io::Result<FileStatus> {
        FileStatus::of(self)
    }

    /// Returns the status of an entry. Does not follow a link.
    pub(crate) fn look(&self, name: &OsStr) -> io::Result<FileStatus> {
        let found = rustix::fs::statat(self, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(FileStatus(found))
    }

    /// Whether the entry `name` is that file.
    pub(crate) fn has(&self, name: &OsStr, file: impl AsFd) -> bool {
        // A device and an inode name one file while a descriptor keeps it alive, so compare with an
        // open file: its inode can't be reused.
        let id = |found: &Stat| (found.st_dev, found.st_ino);
        let open = rustix::fs::fstat(file).ok();
        let named = self.look(name).ok().map(|found| id(&found.0));
        named.is_some() && named == open.as_ref().map(id)
    }

    /// Whether it certainly belongs to this user. If the uid may also mean unmapped users, the
    /// proof is that only the owner may set the mode.
    pub(crate) fn is_proved(&self) -> bool {
        // Only the owner, or a process with capabilities over the owner, may change a mode
        // (`chmod(2)`). The kernel compares its own ids, which stay distinct even if this namespace
        // shows many users as one number.
        is_ours(super::users::user()) || rustix::fs::fchmod(self, Mode::RWXU).is_ok()
    }

    /// Gives it to a user, as root may.
    pub(crate) fn give(&self, user: User) -> io::Result<()> {
        give(self.as_fd(), user)
    }

    /// Sets its mode, independent of the umask.
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

/// Reads the remaining names, without `.` and `..`.
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

/// Gives a user a file that this process has just made. Fails if another user has replaced it.
pub(super) fn give(made: BorrowedFd<'_>, user: User) -> io::Result<()> {
    // Between making and opening it, another user may have put another directory at the name. That
    // one belongs to the other user, so the owner reveals it. The check and the change use one
    // descriptor, so no swap fits in between.
    FileStatus::of(made)?.check_ours()?;
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    Ok(rustix::fs::fchown(made, Some(uid), Some(gid))?)
}

/// The status of a file from the kernel itself, even if a preloaded library would answer otherwise
/// (`fakeroot(1)`).
pub(crate) struct FileStatus(Stat);

impl FileStatus {
    pub(crate) fn of(file: impl AsFd) -> io::Result<FileStatus> {
        Ok(FileStatus(rustix::fs::fstat(file)?))
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

    /// Returns the time since its last change.
    pub(crate) fn age(&self) -> Option<Duration> {
        let changed = Duration::from_secs(self.0.st_mtime.try_into().ok()?);
        let changed = SystemTime::UNIX_EPOCH.checked_add(changed)?;
        // A time in the future, after someone has set the clock back, is no age.
        changed.elapsed().ok()
    }

    fn check_ours(&self) -> io::Result<()> {
        match self.owner() == super::users::user() {
            true => Ok(()),
            false => Err(io::Error::other("another user has put one there")),
        }
    }
}
