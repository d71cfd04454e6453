//! Locks on files and directories (`flock(2)`).

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::FlockOperation;
use rustix::io::Errno;

/// Takes the exclusive lock on a directory. Returns whether that worked. If so, no other process
/// can lock it from now on.
pub(crate) fn is_alone(lock: impl AsFd) -> bool {
    // `flock` locks belong to the open file description, and end with its last copy (`flock(2)`),
    // SIGKILL included. So a held lock always means a living process.
    // A holder of the shared lock converts it. `flock` does not convert in one step (`flock(2)`):
    // it may drop the shared lock and fail to get the other. An error counts as held, so that
    // callers leave the files alone.
    try_lock(lock.as_fd(), FlockOperation::NonBlockingLockExclusive).unwrap_or(false)
}

/// The other holders that a lock on a directory admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    Nobody,
    /// Others that admit others too.
    Others,
}

/// Whether the lock was available.
pub(super) fn try_lock(file: BorrowedFd<'_>, operation: FlockOperation) -> io::Result<bool> {
    loop {
        return match rustix::fs::flock(file, operation) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            // Even a non-blocking `flock` may be interrupted on a network file system.
            Err(Errno::INTR) => continue,
            Err(error) => Err(no_locks(error)),
        };
    }
}

/// Explains an error of file systems without locks: NFS without its lock daemon, Lustre.
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

/// Takes the lock on a file if it is free. The lock ends when the file and all its copies are
/// closed.
pub(crate) fn try_lock_file(file: &File) -> io::Result<bool> {
    try_lock(file.as_fd(), FlockOperation::NonBlockingLockExclusive)
}

/// Releases the lock.
pub(crate) fn unlock_file(file: &File) -> io::Result<()> {
    // Explicitly, since closing may not be enough: a child that the test has forked may hold a copy
    // of the descriptor, and with it the lock.
    Ok(rustix::fs::flock(file, FlockOperation::Unlock)?)
}
