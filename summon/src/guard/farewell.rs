//! How a warden knows whether its owner has ended in order: the owner says so before.
//!
//! A test process that exits says it, and one that somebody interrupts, as Ctrl-C does: nobody wants
//! the logs of what was under way then. A test that was killed, for its time-out or by an `abort`, has
//! failed, and has no time to say anything: its logs stay.

use std::ffi::CString;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Once, OnceLock};

use super::wire;
use crate::session::INTERRUPTED;
use crate::sys::{exit, sockets};

/// The message.
pub(super) const FAREWELL: &[u8] = b"farewell";

/// The sockets to wardens: below, the number of each, and above, the process that has hired it, since
/// a child that it forks exits for itself alone.
static WARDENS: [AtomicU64; MOST] = [const { AtomicU64::new(0) }; MOST];
/// So many wardens hear it: `hire` keeps no more open.
pub(super) const MOST: usize = 16;
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Has this process say farewell to that warden.
pub(super) fn say_to(warden: &UnixStream) {
    static HOOKS: Once = Once::new();
    let known = (u64::from(std::process::id()) << 32) | warden.as_raw_fd() as u64;
    if !WARDENS.iter().any(|it| it.load(Ordering::SeqCst) == known) {
        let place = COUNT.fetch_add(1, Ordering::SeqCst) % WARDENS.len();
        WARDENS[place].store(known, Ordering::SeqCst);
    }
    HOOKS.call_once(|| {
        // Were it refused, logs would be kept that nobody needs.
        let _ = exit::at_exit(say);
        exit::at_interrupt(say_interrupted);
    });
}

/// Where an interruption is noted for the guards of what a run shares, as its path for the system.
static NOTE: OnceLock<CString> = OnceLock::new();

/// Has an interruption of this process noted in that directory, which is its run's.
pub(crate) fn note_interruption_in(dir: &Path) {
    let path = dir.join(INTERRUPTED).into_os_string().into_vec();
    if let Ok(path) = CString::new(path) {
        if NOTE.set(path).is_ok() {
            exit::at_interrupt(say_interrupted);
        }
    }
}

extern "C" fn say_interrupted() {
    say();
    // An atomic load, and a call that a signal handler may make.
    if let Some(note) = NOTE.get() {
        let flags = libc::O_CREAT | libc::O_WRONLY | libc::O_CLOEXEC | libc::O_NOFOLLOW;
        // SAFETY: the path ends with a NUL, and lives as long as the program. This process dies, so
        // nobody closes the descriptor.
        let _ = unsafe { libc::open(note.as_ptr(), flags, 0o600) };
    }
}

/// In an exit hook other threads may hold any lock, and in a signal handler this one may: there is no
/// lock here, and no allocation.
extern "C" fn say() {
    // SAFETY: `getpid` can't fail.
    let me = unsafe { libc::getpid() } as u64;
    let message = wire::framed::<{ FAREWELL.len() + 4 }>(FAREWELL);
    // It does not wait for a warden that does not read.
    let flags = sockets::SEND.bits() as libc::c_int | libc::MSG_DONTWAIT;
    for known in &WARDENS {
        let known = known.load(Ordering::SeqCst);
        if known >> 32 != me {
            continue;
        }
        let warden = known as u32 as RawFd;
        // SAFETY: the descriptor is never closed, and the buffer is as long as is said.
        let _ = unsafe { libc::send(warden, message.as_ptr().cast(), message.len(), flags) };
    }
}
