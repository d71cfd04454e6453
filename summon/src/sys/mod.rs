//! The operating system: signals, descriptors, `/proc`, sockets, and the guards.
//!
//! Only this module contains `unsafe`, pids that are signalled, and signal numbers. Everything
//! above it speaks of a [`guard::Guarded`] command, a [`Signal`], or a [`wait::Waker`].
#![expect(
    unsafe_code,
    reason = "the one place where Rust meets fork, sigaction and waitid"
)]

#[cfg(not(target_os = "linux"))]
compile_error!(
    "summon runs on Linux so far; macOS and Windows are planned. \
     Put it under `[target.'cfg(target_os = \"linux\")'.dev-dependencies]` until then."
);

pub(crate) mod diag;
pub(crate) mod exit;
pub(crate) mod files;
pub(crate) mod guard;
pub(crate) mod holes;
pub(crate) mod listeners;
pub(crate) mod meeting;
pub(crate) mod peer;
pub(crate) mod pipe;
pub(crate) mod place;
pub(crate) mod ports;
pub(crate) mod proc;
pub(crate) mod runner;
pub(crate) mod signal;
pub(crate) mod unix_sockets;
pub(crate) mod users;
pub(crate) mod wait;

pub use signal::Signal;

use std::os::fd::OwnedFd;
use std::path::Path;

/// The thread that asks, also when its thread-locals are gone, as in an exit hook.
pub(crate) fn this_thread() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

/// The user that this process acts for.
pub(crate) fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether nobody else holds the lock on a directory; if so nobody can take it from now on.
pub(crate) fn is_alone(lock: &OwnedFd) -> bool {
    let operation = rustix::fs::FlockOperation::NonBlockingLockExclusive;
    rustix::fs::flock(lock, operation).is_ok()
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
pub(crate) fn lock_dir(path: &Path, lock: Lock) -> std::io::Result<Option<OwnedFd>> {
    use rustix::fs::{FlockOperation, Mode, OFlags};
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

/// Whether something fails because the process or the machine has run out of something, which it
/// may have again.
pub(crate) fn is_shortage(error: &std::io::Error) -> bool {
    let shortages = [
        libc::EMFILE,
        libc::ENFILE,
        libc::ENOMEM,
        libc::ENOBUFS,
        libc::EAGAIN,
    ];
    let number = error.raw_os_error();
    number.is_some_and(|number| shortages.contains(&number))
}
