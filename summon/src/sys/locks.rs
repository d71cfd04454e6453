//! Locks on files and directories (`flock(2)`).

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::FlockOperation;
use rustix::io::Errno;

/// Whether nobody else holds the lock on a directory; if so nobody can take it from now on.
pub(crate) fn is_alone(lock: impl AsFd) -> bool {
    try_lock(lock.as_fd(), FlockOperation::NonBlockingLockExclusive).unwrap_or(false)
}

/// Who else may hold the lock on a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    Nobody,
    /// Others who let others hold it.
    Others,
}

/// Whether the lock was to be had.
pub(super) fn try_lock(file: BorrowedFd<'_>, operation: FlockOperation) -> io::Result<bool> {
    loop {
        return match rustix::fs::flock(file, operation) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(Errno::INTR) => continue,
            Err(error) => Err(no_locks(error)),
        };
    }
}

/// Some file systems have none: NFS without its lock daemon, Lustre.
fn no_locks(error: Errno) -> io::Error {
    let has_none = [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP, Errno::PERM].contains(&error);
    match has_none {
        true => io::Error::new(
            io::ErrorKind::Unsupported,
            format!(
                "its file system can't lock files ({error}); set TMPDIR to a directory on a local one"
            ),
        ),
        false => error.into(),
    }
}

/// Takes the lock on a file if nobody has it, until the file and all its copies are closed.
pub(crate) fn try_lock_file(file: &File) -> io::Result<bool> {
    try_lock(file.as_fd(), FlockOperation::NonBlockingLockExclusive)
}

/// Gives it back.
pub(crate) fn unlock_file(file: &File) -> io::Result<()> {
    Ok(rustix::fs::flock(file, FlockOperation::Unlock)?)
}
