//! Locks on files and directories (`flock(2)`).

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, Mode, OFlags};

use super::fd::OwnedFd;

/// Whether nobody else holds the lock on a directory; if so nobody can take it from now on.
pub(crate) fn is_alone(lock: &OwnedFd) -> bool {
    rustix::fs::flock(lock, FlockOperation::NonBlockingLockExclusive).is_ok()
}

/// Who else may hold the lock on a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    Nobody,
    /// Others who let others hold it.
    Others,
}

/// Opens a directory and locks it until the descriptor and all its copies are closed.
/// `Ok(None)` means that somebody holds the lock, or that the directory is not there any more.
pub(crate) fn lock_dir(path: &Path, lock: Lock) -> io::Result<Option<OwnedFd>> {
    let operation = match lock {
        Lock::Nobody => FlockOperation::NonBlockingLockExclusive,
        Lock::Others => FlockOperation::NonBlockingLockShared,
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = rustix::fs::open(path, flags, Mode::empty())?;
    match rustix::fs::flock(&dir, operation) {
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        other => other?,
    }
    // Somebody may have removed it before it was locked, and another made one of its name.
    let inode = |found: rustix::io::Result<rustix::fs::Stat>| found.ok().map(|it| it.st_ino);
    let same = inode(rustix::fs::fstat(&dir)) == inode(rustix::fs::stat(path));
    Ok(same.then_some(dir))
}

/// Waits for the lock on a file, which whoever holds it gives back soon.
pub(crate) fn lock_file(file: &File) -> io::Result<()> {
    Ok(rustix::fs::flock(file, FlockOperation::LockExclusive)?)
}

/// Gives it back.
pub(crate) fn unlock_file(file: &File) -> io::Result<()> {
    Ok(rustix::fs::flock(file, FlockOperation::Unlock)?)
}
