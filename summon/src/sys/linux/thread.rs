//! The calling thread.

use rustix::thread::{Gid, Uid};

/// The place of its `errno`.
pub(crate) use libc::__errno_location as errno_place;

/// Returns its kernel id. This works without thread-local variables too, as in an exit hook.
pub(crate) fn this_thread() -> u64 {
    rustix::thread::gettid().as_raw_nonzero().get() as u64
}

/// Switches a process of root with one thread to a user and a group, without any other group.
///
/// It makes the system calls itself: a preloaded library may replace the functions of the C library
/// and only claim success (`fakeroot(1)`).
pub(crate) fn become_user(uid: u32, gid: u32) -> std::io::Result<()> {
    let gid = Gid::from_raw(gid);
    // The user comes last. After that step the process lacks the right to change its groups, and
    // would keep root's.
    rustix::thread::set_thread_groups(&[gid])?;
    rustix::thread::set_thread_gid(gid)?;
    Ok(rustix::thread::set_thread_uid(Uid::from_raw(uid))?)
}

/// The signals of a thread's own faults that must not be ignored. Linux has none: the kernel ends a
/// process that ignores such a signal and has the fault, so it can ignore a stranger's signal
/// safely (`signal(7)`).
pub(crate) const FAULTS: &[i32] = &[];

/// Ignores all real-time signals (`SIG_IGN`), or gives them their default action (`SIG_DFL`).
///
/// The system call does it: C libraries refuse to change the first two or three, which they use
/// themselves. Another process can still send these, and they end a process without a handler.
pub(crate) fn dispose_realtime(handler: libc::sighandler_t) {
    /// The kernel's last signal. Its sets have one bit for each signal (`_NSIG`).
    const LAST: i32 = 64;
    // The handler, then flags, a restorer, and a mask. The kernel uses these only to call a
    // function.
    let action = [handler, 0, 0, 0, 0];
    for signal in 32..=LAST {
        // SAFETY: `action` is at least as long as the kernel's `struct sigaction`, and its handler
        // is `SIG_IGN` or `SIG_DFL`, not a function.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                action.as_ptr(),
                std::ptr::null::<libc::c_void>(),
                LAST as usize / 8,
            )
        };
    }
}
