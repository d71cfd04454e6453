//! What is done when this process exits by itself, or is interrupted.

#[cfg(unix)]
use std::sync::OnceLock;

/// Ends this process without running anything of the test program's.
#[cfg(unix)]
pub(crate) fn now(code: i32) -> ! {
    // SAFETY: `_exit` takes any number and does not return.
    unsafe { libc::_exit(code) }
}

/// Has `hook` called when the process returns from `main` or calls `exit`, after tests have passed
/// or failed (`atexit(3)`). Other threads may still run then. Says whether that worked.
pub(crate) fn at_exit(hook: extern "C" fn()) -> bool {
    // SAFETY: `hook` lives as long as the program, and must not unwind, which its ABI sees to.
    unsafe { libc::atexit(hook) == 0 }
}

/// Has `hook` called when somebody interrupts the process, as Ctrl-C does, before it dies of that. Not
/// where the program or its caller has said what becomes of the signal: then that is done. `hook` may
/// do what a signal handler may.
#[cfg(unix)]
pub(crate) fn at_interrupt(hook: extern "C" fn()) {
    if HOOK.set(hook).is_err() {
        return;
    }
    // SAFETY: all zeroes is a valid `sigaction`, plain old data.
    let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: `before` is a valid place; a null action changes nothing.
    let asked = unsafe { libc::sigaction(libc::SIGINT, std::ptr::null(), &raw mut before) };
    if asked != 0 || before.sa_sigaction != libc::SIG_DFL {
        return;
    }
    // SAFETY: as above.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = interrupted as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // After the first one the signal does what it does by default, which is to end the process.
    action.sa_flags = libc::SA_RESETHAND | libc::SA_RESTART;
    // SAFETY: the handler does only what it may, and lives as long as the program.
    let _ = unsafe { libc::sigaction(libc::SIGINT, &raw const action, std::ptr::null_mut()) };
}

#[cfg(unix)]
static HOOK: OnceLock<extern "C" fn()> = OnceLock::new();

#[cfg(unix)]
extern "C" fn interrupted(signal: libc::c_int) {
    // An atomic load: whoever has installed this handler has set it before.
    if let Some(hook) = HOOK.get() {
        hook();
    }
    // SAFETY: it is delivered when this handler returns, and ends the process.
    unsafe { libc::raise(signal) };
}
