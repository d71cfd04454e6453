//! Hooks for the exit and the interruption of this process.

#[cfg(unix)]
use std::sync::OnceLock;

/// Ends this process without running any code of the test program, such as exit hooks.
#[cfg(unix)]
pub(crate) fn now(code: i32) -> ! {
    // SAFETY: `_exit` takes any number and does not return.
    unsafe { libc::_exit(code) }
}

/// Calls `hook` when the process returns from `main` or calls `exit`, after tests have passed or
/// failed (`atexit(3)`). Other threads may still run then. Returns whether the hook was registered.
pub(crate) fn at_exit(hook: extern "C" fn()) -> bool {
    // SAFETY: `hook` is a function of the program. It can't unwind into the C library, since a
    // panic in an `extern "C"` function aborts.
    unsafe { libc::atexit(hook) == 0 }
}

/// Calls `hook` when a signal such as Ctrl-C interrupts the process, before the process ends. If
/// the program or its caller has chosen another action for the signal, that action stays. `hook`
/// may only do what a signal handler may do.
#[cfg(unix)]
pub(crate) fn at_interrupt(hook: extern "C" fn()) {
    // Set the hook before the handler is installed: the handler may run at once, in any thread.
    if HOOK.set(hook).is_err() {
        return;
    }
    // SAFETY: all zeroes is a valid `sigaction`, which is plain old data.
    let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: `before` is valid for a write. A null action changes nothing.
    let asked = unsafe { libc::sigaction(libc::SIGINT, std::ptr::null(), &raw mut before) };
    // The action may be a handler of the program, or `SIG_IGN` from `nohup` or a shell's background
    // job. Replacing either would change the program under test.
    if asked != 0 || before.sa_sigaction != libc::SIG_DFL {
        return;
    }
    // SAFETY: as above.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = interrupted as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // `SA_RESETHAND` restores the default action before the handler runs, so the `raise` below, or
    // a second Ctrl-C during a slow hook, ends the process (`sigaction(2)`). `SA_RESTART` spares
    // system calls of other threads an `EINTR`.
    action.sa_flags = libc::SA_RESETHAND | libc::SA_RESTART;
    // SAFETY: the handler calls only async-signal-safe functions, and lives as long as the program.
    let _ = unsafe { libc::sigaction(libc::SIGINT, &raw const action, std::ptr::null_mut()) };
}

#[cfg(unix)]
static HOOK: OnceLock<extern "C" fn()> = OnceLock::new();

#[cfg(unix)]
extern "C" fn interrupted(signal: libc::c_int) {
    // This is an atomic load, which a signal handler may do. `HOOK` was set before the handler.
    if let Some(hook) = HOOK.get() {
        hook();
    }
    // SAFETY: `raise` is async-signal-safe (`signal-safety(7)`).
    // The signal is blocked while its handler runs. The kernel delivers it on return, with the
    // default action, so the parent sees a process that died of SIGINT.
    unsafe { libc::raise(signal) };
}
