//! Which signals a warden, a guard and a service take.

use std::io;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering};

use crate::sys::pipes;
use crate::sys::thread::{FAULTS, dispose_realtime, errno_place};

/// Real-time signals have higher numbers.
const LAST: i32 = 31;

/// Ignores all that can be ignored: INT, TERM and HUP are meant for tests, and the rest must not
/// end a warden or a guard either, real-time signals included. Children that end leave no zombies.
pub(super) fn ignore() {
    dispose_realtime(libc::SIG_IGN);
    for signal in 1..=LAST {
        dispose(
            signal,
            match FAULTS.contains(&signal) {
                true => libc::SIG_DFL,
                false => libc::SIG_IGN,
            },
        );
    }
    // A test that blocks signals hands that down, and the end of children would not be noticed.
    // Only now, since one that was held back would end us.
    unblock();
}

/// Gives a child that is about to exec what `execve(2)` would not: default actions, no mask.
pub(super) fn restore() {
    (1..=LAST).for_each(|signal| dispose(signal, libc::SIG_DFL));
    dispose_realtime(libc::SIG_DFL);
    unblock();
}

/// Lets every signal through: a mask is inherited, from whoever has run the tests as well.
fn unblock() {
    // SAFETY: all zeroes is a valid `sigset_t`, which the next call fills in anyway.
    let mut none: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `none` is a valid place.
    unsafe { libc::sigemptyset(&raw mut none) };
    // SAFETY: `none` is a valid set; the old mask is not asked for.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()) };
}

static CHILD_ENDED: AtomicI32 = AtomicI32::new(-1);

/// Makes the end of a child readable: each writes a byte to the pipe whose other end this is.
/// Call it once in a process; one that was forked has its own.
pub(super) fn notice_children() -> io::Result<OwnedFd> {
    let (read, write) = pipes::pair()?;
    rustix::io::ioctl_fionbio(&read, true)?;
    rustix::io::ioctl_fionbio(&write, true)?;
    let before = CHILD_ENDED.swap(write.into_raw_fd(), Ordering::Relaxed);
    if before != -1 {
        // SAFETY: it was put there by this function, in the process that this one was forked from,
        // and nobody else has it.
        drop(unsafe { OwnedFd::from_raw_fd(before) });
    }
    dispose(
        libc::SIGCHLD,
        on_child_ended as *const () as libc::sighandler_t,
    );
    // Or nobody would be told, where the test process has blocked it.
    unblock();
    Ok(read)
}

extern "C" fn on_child_ended(_: libc::c_int) {
    let pipe = CHILD_ENDED.load(Ordering::Relaxed);
    // The code below us may be about to read `errno`.
    // SAFETY: it takes nothing, and returns a place that is this thread's and valid.
    let place = unsafe { errno_place() };
    // SAFETY: as above.
    let errno = unsafe { *place };
    // A full pipe is as good as one byte: both say "look".
    // SAFETY: `write` may be called from a signal handler (signal-safety(7)); the byte is valid.
    unsafe { libc::write(pipe, [0u8].as_ptr().cast(), 1) };
    // SAFETY: as above.
    unsafe { *place = errno };
}

fn dispose(signal: i32, handler: libc::sighandler_t) {
    // SAFETY: all zeroes is a valid `sigaction`: no flags, empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: `action` is valid. Signals that can't be disposed of (KILL, STOP) are refused,
    // which is what we want.
    unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
}
