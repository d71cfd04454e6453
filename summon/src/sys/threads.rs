//! summon's own threads in the user's process.

use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread that takes no signals.
///
/// The kernel gives a signal for the process to any thread that does not block it (`signal(7)`). A
/// program may block a signal in all its threads to wait for it (`sigwait(3)`, `signalfd(2)`).
/// Without the block here the signal would end that program, and a handler would interrupt summon's
/// code. A thread for users' code must not be made this way: programs that it starts would inherit
/// the block.
pub(crate) fn spawn(
    builder: Builder,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    // Block before the thread exists, since it inherits the mask (`pthread_create(3)`). If the
    // thread blocked signals itself, one could arrive before that.
    let _blocked = Blocked::begin();
    // One type for all callers, for which the compiler makes the code of a spawn once.
    let work: Box<dyn FnOnce() + Send> = Box::new(work);
    builder.spawn(work)
}

/// Calls `act` on this thread, which takes no signals meanwhile.
#[cfg(unix)]
pub(crate) fn without_signals<T>(act: impl FnOnce() -> T) -> T {
    let _blocked = Blocked::begin();
    act()
}

/// Blocks signals on this thread while it lives.
#[cfg(unix)]
struct Blocked {
    before: libc::sigset_t,
}

/// The signals of a thread's own faults, which must stay deliverable. A fault while its signal is
/// blocked is undefined (`sigprocmask(2)`), and Rust reports a stack overflow by such a signal.
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
        // SAFETY: all zeroes is a valid `sigset_t`, and `sigfillset` fills it in.
        let mut all: libc::sigset_t = unsafe { std::mem::zeroed() };
        let mut before = all;
        // SAFETY: `all` is valid for a write.
        unsafe { libc::sigfillset(&raw mut all) };
        for signal in OF_A_THREAD {
            // SAFETY: `all` is an initialised set.
            unsafe { libc::sigdelset(&raw mut all, signal) };
        }
        // SAFETY: `all` is an initialised set, and `before` is valid for a write.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut before) };
        Blocked { before }
    }
}

#[cfg(unix)]
impl Drop for Blocked {
    fn drop(&mut self) {
        // Restore the old set instead of unblocking all: the program may have blocked some of these
        // signals itself.
        let before = &raw const self.before;
        // SAFETY: `before` is the set that `pthread_sigmask` filled in. A null pointer asks for no
        // old set.
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
