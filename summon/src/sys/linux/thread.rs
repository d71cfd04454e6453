//! The thread that asks.

use rustix::thread::{Gid, Uid};

/// Where its `errno` is.
pub(crate) use libc::__errno_location as errno_place;

/// Its number, also when its thread-locals are gone, as in an exit hook.
pub(crate) fn this_thread() -> u64 {
    rustix::thread::gettid().as_raw_nonzero().get() as u64
}

/// Makes a process of root's with one thread one of that user and group, and of no other group. The
/// system calls do it: a library may stand before those of C, and say that it is done (`fakeroot(1)`).
pub(crate) fn become_user(uid: u32, gid: u32) -> std::io::Result<()> {
    let gid = Gid::from_raw(gid);
    // The groups first: a user may not change them.
    rustix::thread::set_thread_groups(&[gid])?;
    rustix::thread::set_thread_gid(gid)?;
    Ok(rustix::thread::set_thread_uid(Uid::from_raw(uid))?)
}

/// The signals that tell it of a fault of its own and must not be ignored: none, since the kernel ends
/// whoever has a fault and ignores it, and so a stranger's signal does no harm (`signal(7)`).
pub(crate) const FAULTS: &[i32] = &[];

/// Ignores all real-time signals (`SIG_IGN`), or gives them their default action (`SIG_DFL`).
///
/// The system call does it, since C libraries refuse to touch the first two or three, which they use
/// themselves. Anybody may send those all the same, and they end a process that has no handler.
pub(crate) fn dispose_realtime(handler: libc::sighandler_t) {
    /// The kernel's signals end here, and its sets have one bit for each (`_NSIG`).
    const LAST: i32 = 64;
    // The handler, then flags, a restorer, and a mask, none of which matters without a handler of ours.
    let action = [handler, 0, 0, 0, 0];
    for signal in 32..=LAST {
        // SAFETY: `action` is at least as long as the kernel's `struct sigaction`, and no handler in it
        // is a function.
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
