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
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
compile_error!("summon runs on Linux and macOS, and compiles on Windows");

pub(crate) use system::notices::name as notify_name;
pub(crate) use system::thread::this_thread;
pub(crate) use system::{diag, files, proc, unix_sockets};

// Shared by Linux and macOS.
#[cfg(unix)]
pub(crate) mod at_path;
#[cfg(unix)]
pub(crate) mod dir;
#[cfg(unix)]
pub(crate) mod holes;
#[cfg(unix)]
mod locks;
#[cfg(unix)]
pub(crate) mod meeting;
#[cfg(unix)]
pub(crate) mod pipe;
#[cfg(unix)]
pub(crate) mod place;
#[cfg(unix)]
pub(crate) mod ports;
#[cfg(unix)]
pub(crate) mod private;
#[cfg(unix)]
mod remove;
#[cfg(unix)]
pub(crate) mod status;
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
use system::{beneath, claims, punch, waker};
#[cfg(unix)]
pub(crate) use system::{
    ending, executable, family, notices, peer, pipes, sockets, surroundings, thread, title,
};
#[cfg(windows)]
pub(crate) use windows::is_privileged;
#[cfg(windows)]
pub(crate) use windows::unsupported;
#[cfg(windows)]
pub(crate) use windows::{
    at_path, dir, fd, holes, meeting, pipe, place, ports, private, status, users, wait, walk,
};
#[cfg(windows)]
use windows::{ending, locks, remove};

// Shared by all systems.
pub(crate) mod exit;
pub(crate) mod listeners;
pub(crate) mod maker;
mod random;
pub(crate) mod runner;
pub(crate) mod signal;
pub(crate) mod tail;
pub(crate) mod threads;

pub(crate) use locks::{Lock, is_alone, try_lock_file, unlock_file};
pub(crate) use random::random;
pub(crate) use remove::Left;
pub use signal::Signal;

/// Something that this process or its system lacks, without which nothing can be started.
pub(crate) struct Missing {
    pub(crate) what: &'static str,
    pub(crate) lacks: &'static str,
    pub(crate) hint: &'static str,
}

/// Returns the reason why this process can't start anything, if there is one.
pub(crate) fn missing() -> Option<Missing> {
    // Check this first: the later checks read files, which they must not do for a caller with fewer
    // rights.
    if is_privileged() {
        return Some(PRIVILEGED);
    }
    let two_users = || (!has_one_user()).then_some(TWO_USERS);
    system::missing().or_else(two_users)
}

/// The environment names directories and files, and an unprivileged caller wrote the environment.
const PRIVILEGED: Missing = Missing {
    what: "summon starts nothing in a program whose file has privileges",
    lacks: "trust in the environment: the program is set-user-id or set-group-id, has file capabilities, \
            or a security module changed its privileges (`AT_SECURE`)",
    hint: "run a program without these as the user that it needs, or pass capabilities on as ambient ones \
           (`setpriv --ambient-caps`)",
};

/// A helper process is executed, and would keep only one of the two.
const TWO_USERS: Missing = Missing {
    what: "summon starts nothing for a process whose effective user or group is not its real one",
    lacks: "one user: the helper processes can't tell which of the two may give them orders",
    hint: "change both with `setresuid` and `setresgid`, or start before `seteuid`",
};

/// Whether the real user and group of this process are the effective ones.
#[cfg(unix)]
pub(crate) fn has_one_user() -> bool {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    // The saved ids need no check: `exec` sets them to the effective ones (`execve(2)`), so a
    // helper process can't return to a third user.
    getuid() == geteuid() && getgid() == getegid()
}
#[cfg(windows)]
pub(crate) fn has_one_user() -> bool {
    true
}

/// Returns the user that this process acts for.
#[cfg(unix)]
pub(crate) fn user() -> u32 {
    // The effective user owns new files, and is the user that a socket's peer sees
    // (`credentials(7)`, `unix(7)`). So claims, directories, and sockets agree on it.
    rustix::process::geteuid().as_raw()
}
#[cfg(windows)]
pub(crate) use windows::user;

/// Describes a process for messages.
pub(crate) fn who(pid: u32) -> String {
    // The process may have ended since the caller learned its pid. Then there is no command, and
    // the pid may belong to a stranger soon, so leave out both.
    match proc::command_line(pid) {
        Some(command) => format!("pid {pid}, `{command}`"),
        None => "a process that can't be seen from here".to_owned(),
    }
}

/// Whether an error means that the process or the machine has run out of something, which may be
/// available again later.
pub(crate) fn is_shortage(error: &std::io::Error) -> bool {
    // The process's descriptors, the machine's open files, memory, socket buffers, and the user's
    // processes (`errno(3)`). These say nothing about the file or the process in question, so the
    // caller tries again.
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
