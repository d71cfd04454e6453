//! The operating system: signals, descriptors, other processes, and sockets.
//!
//! Each system has a directory with modules of equal names and functions. Code that Linux and macOS
//! share is beside these directories.
//!
//! Only this module and [`guard`](crate::guard) contain `unsafe`, signal processes by pid, and know
//! signal numbers. This module uses no module above it.
#![expect(
    unsafe_code,
    reason = "the one place where Rust meets fork, sigaction and waitid"
)]

// One directory for each system.
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as system;
// The files without system calls, so that their tests run here too.
#[cfg(all(test, target_os = "linux"))]
#[allow(dead_code, reason = "the rest of the directory uses it")]
mod macos {
    mod ancestry;
    mod arguments;
    mod socket_info;
}
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
compile_error!("summon runs on Linux and macOS, and compiles on Windows");

pub(crate) use system::notices::{name as notify_name, path as notify_path};
pub(crate) use system::thread::this_thread;
pub(crate) use system::{containers, diag, file_watch, memory, proc, unix_sockets};

// Shared by Linux and macOS.
#[cfg(unix)]
pub(crate) mod at_path;
#[cfg(unix)]
mod bind;
#[cfg(unix)]
pub(crate) mod dir;
#[cfg(unix)]
pub(crate) mod foreign_dir;
#[cfg(unix)]
pub(crate) mod holes;
#[cfg(unix)]
mod locks;
#[cfg(unix)]
pub(crate) mod pipe;
#[cfg(unix)]
pub(crate) mod ports;
#[cfg(unix)]
pub(crate) mod private;
#[cfg(unix)]
mod remove;
#[cfg(unix)]
pub(crate) mod rendezvous;
#[cfg(unix)]
mod shared_memory;
#[cfg(unix)]
pub(crate) mod status;
#[cfg(unix)]
pub(crate) mod terminal;
#[cfg(unix)]
pub(crate) mod trees;
#[cfg(unix)]
pub(crate) mod users;
#[cfg(unix)]
pub(crate) mod wait;
#[cfg(unix)]
pub(crate) mod walk;
#[cfg(unix)]
pub(crate) use executable::is_privileged;
#[cfg(unix)]
pub(crate) use std::os::fd;
#[cfg(unix)]
use system::{beneath, port_claims, punch, waker};
#[cfg(unix)]
pub(crate) use system::{
    clients, ending, events, executable, family, notices, peer, pipes, sockets, splice, streams,
    surroundings, thread, title,
};
#[cfg(windows)]
pub(crate) use windows::is_privileged;
#[cfg(windows)]
pub(crate) use windows::unsupported;
#[cfg(windows)]
pub(crate) use windows::{
    at_path, dir, fd, foreign_dir, holes, pipe, ports, private, rendezvous, status, terminal,
    users, wait, walk,
};
#[cfg(windows)]
use windows::{ending, locks, remove};

// Shared by all systems.
pub(crate) mod access;
pub(crate) mod exit;
pub(crate) mod holds_socket;
pub(crate) mod listeners;
pub(crate) mod log_end;
pub(crate) mod maker;
mod protocol;
mod random;
mod requirement;
pub(crate) mod runner;
mod set_variable;
mod shortage;
pub(crate) mod signal;
pub(crate) mod subnet;
pub(crate) mod threads;

#[cfg(all(test, target_os = "linux"))]
pub(crate) use locks::is_awaited;
#[cfg(unix)]
pub(crate) use locks::lock_file;
pub(crate) use locks::{Lock, is_alone, try_lock_file, unlock_file};
pub(crate) use random::random;
pub(crate) use remove::Left;
pub(crate) use requirement::Unmet;
pub(crate) use set_variable::set_variable;
pub(crate) use shortage::is_shortage;
pub use signal::Signal;
pub(crate) use users::{has_one_user, user};

/// Returns the reason why this process can't start anything, if there is one.
pub(crate) fn unmet() -> Option<Unmet> {
    // Check this first: the later checks read files, which they must not do for a caller with fewer
    // rights.
    if is_privileged() {
        return Some(requirement::PRIVILEGED);
    }
    let two_users = || (!has_one_user()).then_some(requirement::TWO_USERS);
    system::unmet().or_else(two_users)
}

/// Describes a process for messages.
pub(crate) fn who(pid: u32) -> String {
    // The process may have ended since the caller learned its pid. Then there is no command, and
    // the pid may belong to a stranger soon, so leave out both.
    match proc::command_line(pid) {
        Some(command) => format!("pid {pid}, `{command}`"),
        None => "a process that can't be seen from here".to_owned(),
    }
}
