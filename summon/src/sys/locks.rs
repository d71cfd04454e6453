//! Locks on files and directories (`flock(2)`).

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, mpsc};
use std::thread::Builder;
use std::time::Instant;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::threads;
use super::wait::{self, Waker};

/// Takes the exclusive lock on a directory. Returns whether that worked. If so, no other process
/// can lock it from now on.
pub(crate) fn is_alone(lock: impl AsFd) -> bool {
    // `flock` locks belong to the open file description, and end with its last copy (`flock(2)`),
    // SIGKILL included. So a held lock always means a living process.
    // A holder of the shared lock converts it. `flock` does not convert in one step (`flock(2)`):
    // it may drop the shared lock and fail to get the other. An error counts as held, so that
    // callers leave the files alone.
    Lock::Nobody.try_take(lock).unwrap_or(false)
}

/// The other holders that a lock on a directory admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    Nobody,
    /// Others that admit others too.
    Others,
}

impl Lock {
    pub(super) fn try_take(self, file: impl AsFd) -> io::Result<bool> {
        let operation = match self {
            Lock::Nobody => FlockOperation::NonBlockingLockExclusive,
            Lock::Others => FlockOperation::NonBlockingLockShared,
        };
        flock(file.as_fd(), operation)
    }

    /// Waits for the lock on a file or directory. Returns `None` at `until`, or when `given_up` becomes
    /// readable.
    pub(super) fn wait(
        self,
        file: OwnedFd,
        until: Instant,
        given_up: BorrowedFd<'_>,
    ) -> io::Result<Option<OwnedFd>> {
        if self.try_take(&file)? {
            return Ok(Some(file));
        }
        // `flock` has no time limit, so a thread waits in it. If this wait ends earlier, nobody receives
        // the file, and the thread closes it as soon as it has the lock.
        let (sender, receiver) = mpsc::sync_channel(1);
        let waker = Arc::new(Waker::new()?);
        let sleeper = Arc::clone(&waker);
        threads::spawn(Builder::new().name("summon-lock".to_owned()), move || {
            let operation = match self {
                Lock::Nobody => FlockOperation::LockExclusive,
                Lock::Others => FlockOperation::LockShared,
            };
            let locked = flock(file.as_fd(), operation).map(|_| file);
            let _ = sender.send(locked);
            sleeper.wake();
        })?;
        wait::sleep(&[waker.as_fd(), given_up], Some(until))?;
        receiver.try_recv().ok().transpose()
    }
}

/// Returns whether the lock was available.
fn flock(file: BorrowedFd<'_>, operation: FlockOperation) -> io::Result<bool> {
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
    Lock::Nobody.try_take(file)
}

/// Waits for the lock on a file. Returns `None` at `until`, or when `given_up` becomes readable.
pub(crate) fn lock_file(
    file: File,
    until: Instant,
    given_up: BorrowedFd<'_>,
) -> io::Result<Option<File>> {
    let locked = Lock::Nobody.wait(file.into(), until, given_up)?;
    Ok(locked.map(File::from))
}

/// Releases the lock.
pub(crate) fn unlock_file(file: &File) -> io::Result<()> {
    // Explicitly, since closing may not be enough: a child that the test has forked may hold a copy
    // of the descriptor, and with it the lock.
    Ok(rustix::fs::flock(file, FlockOperation::Unlock)?)
}

/// Returns whether a thread sleeps until it gets the lock. `/proc/locks` marks it with an arrow.
#[cfg(test)]
#[cfg(target_os = "linux")]
pub(crate) fn is_awaited(lock: impl AsFd) -> bool {
    let inode = format!(":{} ", rustix::fs::fstat(lock).unwrap().st_ino);
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    let mut lines = locks.lines();
    lines.any(|line| line.contains(" -> ") && line.contains(&inode))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Opens one file three times. The first holds the lock.
    fn opened(name: &str) -> [File; 3] {
        let name = format!("summon-locks-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let files = [(); 3].map(|()| {
            File::options()
                .append(true)
                .create(true)
                .open(&path)
                .unwrap()
        });
        std::fs::remove_file(path).unwrap();
        assert!(try_lock_file(&files[0]).unwrap());
        files
    }

    /// Returns when a thread sleeps until it gets the lock.
    fn until_awaited(file: &File) {
        while !is_awaited(file) {
            std::thread::yield_now();
        }
    }

    fn late() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    #[test]
    fn a_wait_for_a_lock_ends_when_its_holder_does() {
        let [holder, waiter, _] = opened("ends");
        let until = late();
        let never = Waker::new().unwrap();
        let waits = std::thread::spawn(move || lock_file(waiter, until, never.as_fd()).unwrap());
        until_awaited(&holder);
        drop(holder);
        assert!(waits.join().unwrap().is_some());
        assert!(Instant::now() < until);
    }

    #[test]
    fn a_wait_that_ends_early_leaves_the_lock_to_others() {
        let [holder, waiter, other] = opened("early");
        let [given_up, never] = [(); 2].map(|()| Waker::new().unwrap());
        let until = late();
        let tried = lock_file(waiter.try_clone().unwrap(), Instant::now(), never.as_fd());
        assert!(tried.unwrap().is_none());
        given_up.wake();
        assert!(
            lock_file(waiter, until, given_up.as_fd())
                .unwrap()
                .is_none()
        );
        assert!(Instant::now() < until);
        until_awaited(&holder);
        drop(holder);
        assert!(lock_file(other, until, never.as_fd()).unwrap().is_some());
        assert!(Instant::now() < until);
    }
}
