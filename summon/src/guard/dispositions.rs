//! The signal dispositions of wardens, guards, and services.

use std::io;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering};

use crate::sys::pipes;
use crate::sys::thread::{FAULTS, dispose_realtime, errno_place};

/// The last standard signal. Real-time signals have higher numbers (`signal(7)`).
const LAST: i32 = 31;

/// Ignores every signal that can be ignored, real-time signals included.
///
/// INT, TERM, and HUP are meant for tests, and no other signal must end a warden or a guard either.
/// Ignoring SIGCHLD makes the kernel reap children, so they leave no zombies.
pub(super) fn ignore() {
    dispose_realtime(libc::SIG_IGN);
    for signal in 1..=LAST {
        dispose(
            signal,
            // Where the kernel lets a process ignore its own faults, the faulty instruction would
            // repeat for ever.
            match FAULTS.contains(&signal) {
                true => libc::SIG_DFL,
                false => libc::SIG_IGN,
            },
        );
    }
    // The mask is inherited from the test, which may block signals. A blocked SIGCHLD would hide
    // the end of children. This comes last: a pending signal that is unblocked before it is ignored
    // would end this process. POSIX discards a pending signal when it becomes ignored.
    unblock();
}

/// Ignores SIGPIPE, as a link's process does: libFuzzer's `main` leaves it deadly, and `splice(2)` to a
/// closed socket raises it.
#[cfg(fuzzing)]
pub(super) fn ignore_pipe() {
    dispose(libc::SIGPIPE, libc::SIG_IGN);
}

/// Resets for a child what `execve(2)` would keep: ignored signals, and the mask. Caught signals
/// are reset by `execve` itself.
pub(super) fn restore() {
    (1..=LAST).for_each(|signal| dispose(signal, libc::SIG_DFL));
    dispose_realtime(libc::SIG_DFL);
    unblock();
}

/// Unblocks all signals. The mask is inherited, possibly from the program that started the test
/// run.
fn unblock() {
    // SAFETY: `sigset_t` is plain old data, so all zeroes is a valid value. `sigemptyset`
    // initializes it.
    let mut none: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `none` is valid for writes.
    unsafe { libc::sigemptyset(&raw mut none) };
    // SAFETY: `none` was initialized by `sigemptyset`, and a null pointer means that the old mask
    // is not wanted.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()) };
}

static CHILD_ENDED: AtomicI32 = AtomicI32::new(-1);

/// Returns a pipe that becomes readable when a child has ended. The SIGCHLD handler writes a byte
/// to its other end.
///
/// Call it once per process. A forked process calls it again, and gets its own pipe.
pub(super) fn notice_children() -> io::Result<OwnedFd> {
    let (read, write) = pipes::pair()?;
    // Both ends are non-blocking. The reader drains the pipe until it is empty, and the handler
    // must not block on a full pipe: the code that drains it is the code that the handler
    // interrupts.
    rustix::io::ioctl_fionbio(&read, true)?;
    rustix::io::ioctl_fionbio(&write, true)?;
    // The pipe is published before the handler is installed below, so the handler never sees -1. A
    // guard inherits its warden's handler, but has no children yet.
    let before = CHILD_ENDED.swap(write.into_raw_fd(), Ordering::Relaxed);
    if before != -1 {
        // SAFETY: this function stored the descriptor, in the process that forked this one. The
        // swap has just removed it, so this is its only owner.
        drop(unsafe { OwnedFd::from_raw_fd(before) });
    }
    dispose(
        libc::SIGCHLD,
        on_child_ended as *const () as libc::sighandler_t,
    );
    // Comes after the handler is in place. If the test blocks SIGCHLD, the mask is inherited, and
    // no end of a child would be reported.
    unblock();
    Ok(read)
}

extern "C" fn on_child_ended(_: libc::c_int) {
    let pipe = CHILD_ENDED.load(Ordering::Relaxed);
    // The interrupted code may be between a failed call and its read of `errno`, so the handler
    // restores it.
    // SAFETY: the function takes no argument, and returns the address of this thread's `errno`.
    let place = unsafe { errno_place() };
    // SAFETY: the address belongs to this thread and is valid while the thread lives.
    let errno = unsafe { *place };
    // EAGAIN needs no handling: a full pipe is readable, and tells the reader the same as one more
    // byte.
    // SAFETY: `write` is async-signal-safe (`signal-safety(7)`), and the buffer has one byte.
    unsafe { libc::write(pipe, [0u8].as_ptr().cast(), 1) };
    // SAFETY: the same address as above, in the same thread.
    unsafe { *place = errno };
}

fn dispose(signal: i32, handler: libc::sighandler_t) {
    // SAFETY: `sigaction` is plain old data, and all zeroes means no flags and an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    // SA_RESTART: the handler must not make unrelated reads and writes fail with EINTR. `poll`
    // ignores the flag and returns EINTR (`signal(7)`), which its callers handle.
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: `action` is initialized, and its handler is async-signal-safe. The kernel refuses to
    // change KILL and STOP (EINVAL), which is harmless.
    unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
}
