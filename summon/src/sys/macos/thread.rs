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

/// Makes a process of root's with one thread one of that user and group, and of no other group.
pub(crate) fn become_user(uid: u32, gid: u32) -> std::io::Result<()> {
    let done = |result: i32| match result {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    };
    // The groups first: a user may not change them.
    // SAFETY: it reads one group from a valid place.
    done(unsafe { libc::setgroups(1, &raw const gid) })?;
    // SAFETY: it takes a number.
    done(unsafe { libc::setgid(gid) })?;
    // SAFETY: it takes a number.
    done(unsafe { libc::setuid(uid) })
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
