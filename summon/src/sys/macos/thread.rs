//! The calling thread.

use std::io;

use crate::sys::exit;

/// The place of its `errno`.
pub(crate) use libc::__error as errno_place;

/// Returns its kernel id. This works without thread-local variables too, as in an exit hook.
pub(crate) fn this_thread() -> u64 {
    let mut number = 0;
    // SAFETY: thread 0 means the calling one, and `number` is valid for a write.
    unsafe { libc::pthread_threadid_np(0, &raw mut number) };
    number
}

/// Switches a process of root with one thread to a user and a group, without any other group.
pub(crate) fn become_user(uid: u32, gid: u32) -> io::Result<()> {
    let done = |result: i32| match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    };
    // The user comes last. After that step the process lacks the right to change its groups, and
    // would keep root's.
    //
    // SAFETY: `setgroups` reads one group, and `gid` is valid for that read.
    done(unsafe { libc::setgroups(1, &raw const gid) })?;
    // SAFETY: `setgid` takes a number.
    done(unsafe { libc::setgid(gid) })?;
    // SAFETY: `setuid` takes a number. For root it sets the real, effective, and saved user
    // (`setuid(2)`), so the process can't return.
    done(unsafe { libc::setuid(uid) })
}

/// The signals of a thread's own faults that must not be ignored: the processor would repeat the
/// faulty instruction for ever.
pub(crate) const FAULTS: &[i32] = &[
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGFPE,
    libc::SIGSYS,
    libc::SIGEMT,
];

/// Does nothing: macOS has no real-time signals.
pub(crate) fn dispose_realtime(_: libc::sighandler_t) {}

/// Whether a child shares the memory of its parent until it executes a program. Here it never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChildMemory {
    Shared,
    Copied,
}

/// Runs `child` in a new process, and returns its pid.
///
/// # Safety
///
/// This process has one thread. `child` executes a program. It returns if that fails.
pub(crate) unsafe fn fork_to_exec<F: FnMut()>(_: ChildMemory, mut child: F) -> io::Result<i32> {
    // SAFETY: the child of a process with one thread holds no lock of another.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            child();
            exit::now(127)
        }
        pid => Ok(pid),
    }
}
