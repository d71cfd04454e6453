//! The thread that asks.

/// Where its `errno` is.
pub(crate) use libc::__errno_location as errno_place;

/// Its number, also when its thread-locals are gone, as in an exit hook.
pub(crate) fn this_thread() -> u64 {
    rustix::thread::gettid().as_raw_nonzero().get() as u64
}

/// What it is told of by a signal: faults of its own.
pub(crate) const FAULTS: &[i32] = &[
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGFPE,
    libc::SIGSYS,
];
