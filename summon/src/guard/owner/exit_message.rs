//! The owner's exit message, which tells the warden that the owner ends in order.
//!
//! A test process sends it when it exits, and when it is interrupted with Ctrl-C: then the logs of
//! running tests are not needed. A killed test process (time-out, `abort`) sends nothing. It has
//! failed, so its logs stay.

use std::ffi::CString;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Once, OnceLock};

use crate::guard::protocol::warden::EXITING;
use crate::guard::protocol::wire;
use crate::session::INTERRUPTED;
use crate::sys::{exit, sockets};

/// The sockets to wardens. The low half is the descriptor. The high half is the pid of the process
/// that hired the warden: a forked child exits for itself alone.
static WARDENS: [AtomicU64; MOST] = [const { AtomicU64::new(0) }; MOST];
/// The maximum number of wardens that get an exit message. `wardens` keeps no more sockets open.
pub(super) const MOST: usize = 16;
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Makes this process send the exit message to the warden at its end.
pub(super) fn announce_to(warden: &UnixStream) {
    static HOOKS: Once = Once::new();
    // Pid and descriptor share one atomic word, so a hook that runs in between never reads a mixed
    // pair.
    let known = (u64::from(std::process::id()) << 32) | warden.as_raw_fd() as u64;
    if !WARDENS.iter().any(|it| it.load(Ordering::SeqCst) == known) {
        let place = COUNT.fetch_add(1, Ordering::SeqCst) % WARDENS.len();
        WARDENS[place].store(known, Ordering::SeqCst);
    }
    // Once per program. `atexit` keeps a hook for each registration, and a forked child inherits
    // both the hook and this `Once`.
    HOOKS.call_once(|| {
        // If `atexit` fails, unneeded logs stay. Nothing else depends on the message.
        let _ = exit::at_exit(send);
        exit::at_interrupt(send_interrupted);
    });
}

/// The note of an interruption, as a path. Guards of shared services look for it.
static NOTE: OnceLock<CString> = OnceLock::new();

/// Notes an interruption of this process in `dir`, the directory of its run.
pub(crate) fn note_interruption_in(dir: &Path) {
    let path = dir.join(INTERRUPTED).into_os_string().into_vec();
    if let Ok(path) = CString::new(path) {
        // Set before the handler is installed, so the handler finds the path.
        if NOTE.set(path).is_ok() {
            exit::at_interrupt(send_interrupted);
        }
    }
}

extern "C" fn send_interrupted() {
    send();
    // `OnceLock::get` is an atomic load, and takes no lock: the interrupted code could hold one.
    if let Some(note) = NOTE.get() {
        let flags = libc::O_CREAT | libc::O_WRONLY | libc::O_CLOEXEC | libc::O_NOFOLLOW;
        // SAFETY: the path is a C string in a static, so it ends in NUL and is never freed. `open`
        // is async-signal-safe (`signal-safety(7)`). The process dies next, so the descriptor stays
        // open.
        let _ = unsafe { libc::open(note.as_ptr(), flags, 0o600) };
    }
}

/// Sends the exit message to each warden of this process. Takes no lock and allocates nothing: in an
/// exit hook other threads may hold any lock, and in a signal handler this thread may.
extern "C" fn send() {
    // SAFETY: `getpid` takes no argument and can't fail.
    let me = unsafe { libc::getpid() } as u64;
    let message = wire::framed::<{ EXITING.len() + 4 }>(EXITING);
    // A halted or hanging warden must not delay the end of the test process. The message is small,
    // and a socket buffer has room for it unless the warden reads nothing at all.
    let flags = sockets::SEND.bits() as libc::c_int | libc::MSG_DONTWAIT;
    for known in &WARDENS {
        let known = known.load(Ordering::SeqCst);
        // A forked child inherits this table and the exit hook. Its exit must not speak for its
        // parent. Free slots are 0, which is no process's pid.
        if known >> 32 != me {
            continue;
        }
        let warden = known as u32 as RawFd;
        // SAFETY: the buffer is valid for its length. `wardens` never closes this descriptor: it
        // retires sockets and replaces them in place, so the number never belongs to another file.
        let _ = unsafe { libc::send(warden, message.as_ptr().cast(), message.len(), flags) };
    }
}
