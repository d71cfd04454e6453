//! The calling thread.

use std::io;

use rustix::thread::{Gid, Uid};

use crate::sys::exit;

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
pub(crate) fn become_user(uid: u32, gid: u32) -> io::Result<()> {
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
        // SAFETY: `action` has at least the length of the kernel's `struct sigaction`, and its handler
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

/// Whether a child shares the memory of its parent until it executes a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChildMemory {
    Shared,
    Copied,
}

/// Runs `child` in a new process, and returns its pid after exec or after its end.
///
/// A shared memory saves the copy of the page tables, and a page fault for each page that one of the
/// two writes to later (`CLONE_VM` in `clone(2)`).
///
/// # Safety
///
/// This process has one thread. `child` executes a program. It returns if that fails, and drops nothing
/// that this process has.
pub(crate) unsafe fn fork_to_exec<F: FnMut()>(
    memory: ChildMemory,
    mut child: F,
) -> io::Result<i32> {
    /// Far more than the calls up to exec need.
    const STACK: usize = 64 * 1024;
    extern "C" fn enter<F: FnMut()>(child: *mut libc::c_void) -> libc::c_int {
        // SAFETY: the pointer points to `child` below. The parent sleeps until this process has
        // executed a program or has ended (`CLONE_VFORK`), so no other code uses it.
        let child = unsafe { &mut *child.cast::<F>() };
        child();
        exit::now(127)
    }
    // The child needs a separate stack: on the parent's stack, it would overwrite the frames of the
    // parent's callers.
    let mut stack = vec![0u128; STACK / size_of::<u128>()];
    let shared = match memory {
        ChildMemory::Shared => libc::CLONE_VM,
        ChildMemory::Copied => 0,
    };
    let flags = shared | libc::CLONE_VFORK | libc::SIGCHLD;
    let top = stack.as_mut_ptr_range().end;
    // SAFETY: the stack is aligned, grows down from its end, and lives until the call returns. By then
    // the child has left this memory.
    match unsafe { libc::clone(enter::<F>, top.cast(), flags, (&raw mut child).cast()) } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(pid),
    }
}
