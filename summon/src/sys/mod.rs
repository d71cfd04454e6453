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

pub(crate) mod guard;
pub(crate) mod listeners;
pub(crate) mod ports;
pub(crate) mod proc;
pub(crate) mod signal;
pub(crate) mod wait;

pub use signal::Signal;

use std::os::fd::OwnedFd;
use std::path::Path;

/// The user that this process acts for.
pub(crate) fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Opens a directory and locks it until the descriptor and all its copies are closed.
/// `Ok(None)` means that somebody else holds the lock.
pub(crate) fn lock_dir(path: &Path) -> std::io::Result<Option<OwnedFd>> {
    use rustix::fs::{FlockOperation, Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = rustix::fs::open(path, flags, Mode::empty())?;
    match rustix::fs::flock(&dir, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(dir)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
