//! The thread that asks.

/// Where its `errno` is.
pub(crate) use libc::__error as errno_place;

/// Its number, also when its thread-locals are gone, as in an exit hook.
pub(crate) fn this_thread() -> u64 {
    let mut number = 0;
    // SAFETY: no thread at all means this one, and `number` is a valid place.
    unsafe { libc::pthread_threadid_np(0, &raw mut number) };
    number
}

/// The signals that tell it of a fault of its own and must not be ignored: the instruction would be tried
/// again for ever.
pub(crate) const FAULTS: &[i32] = &[
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGFPE,
    libc::SIGSYS,
    libc::SIGEMT,
];

/// There are no real-time signals here.
pub(crate) fn dispose_realtime(_: libc::sighandler_t) {}
