//! The operating system: signals, descriptors, `/proc`, sockets, and the guards.
//!
//! Only this module contains `unsafe`, pids that are signalled, and signal numbers. Everything
//! above it speaks of a [`guard::Guarded`] command, a [`Signal`], or a [`wait::Waker`].
#![expect(
    unsafe_code,
    reason = "the one place where Rust meets fork, sigaction and waitid"
)]

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as system;

pub(crate) use system::notices::name as notify_name;
pub(crate) use system::thread::this_thread;
use system::{
    claims, ending, executable, family, notices, pipes, punch, sockets, thread, title, waker,
};
pub(crate) use system::{diag, files, meeting, peer, proc, unix_sockets};

pub(crate) mod at_path;
pub(crate) mod exit;
pub(crate) mod guard;
pub(crate) mod holes;
pub(crate) mod listeners;
mod locks;
pub(crate) mod pipe;
pub(crate) mod ports;
pub(crate) mod private;
pub(crate) mod runner;
pub(crate) mod signal;
pub(crate) mod status;
pub(crate) mod wait;

pub(crate) use locks::{Lock, is_alone, lock_dir, lock_file, unlock_file};
pub use signal::Signal;

pub(crate) use std::os::fd;

/// The user that this process acts for.
pub(crate) fn user() -> u32 {
    rustix::process::geteuid().as_raw()
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
