//! Threads of summon's own, in processes that are the user's.

use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread that takes no signals.
///
/// The system gives a signal for the process to any thread that lets it through. A program that
/// blocks one everywhere, to wait for it (`sigwait(3)`, `signalfd(2)`), would die of it here, and a
/// handler would interrupt code that is not the program's. What runs users' code is no such thread:
/// the programs that it starts would inherit what is blocked.
pub(crate) fn spawn<T: Send + 'static>(
    builder: Builder,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    // Before the thread is there, which inherits it: no signal comes in between.
    let _blocked = Blocked::begin();
    builder.spawn(work)
}

/// What is blocked while this lives, on this thread.
#[cfg(unix)]
struct Blocked {
    before: libc::sigset_t,
}

/// Signals that tell a thread of its own fault. Rust tells of an overflown stack by one.
#[cfg(unix)]
const OF_A_THREAD: [libc::c_int; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGSYS,
    libc::SIGABRT,
];

#[cfg(unix)]
impl Blocked {
    fn begin() -> Blocked {
        // SAFETY: all zeroes is a valid `sigset_t`, which the next call fills in anyway.
        let mut all: libc::sigset_t = unsafe { std::mem::zeroed() };
        let mut before = all;
        // SAFETY: `all` is a valid place.
        unsafe { libc::sigfillset(&raw mut all) };
        for signal in OF_A_THREAD {
            // SAFETY: `all` is a valid set.
            unsafe { libc::sigdelset(&raw mut all, signal) };
        }
        // SAFETY: both are valid sets.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut before) };
        Blocked { before }
    }
}

#[cfg(unix)]
impl Drop for Blocked {
    fn drop(&mut self) {
        let before = &raw const self.before;
        // SAFETY: it is the set that this thread had; the one that it has is not asked for.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, std::ptr::null_mut()) };
    }
}

#[cfg(windows)]
struct Blocked;

#[cfg(windows)]
impl Blocked {
    fn begin() -> Blocked {
        Blocked
    }
}
