//! What is done when this process exits by itself.

/// Has `hook` called when the process returns from `main` or calls `exit`, after tests have passed
/// or failed (`atexit(3)`). Other threads may still run then. Says whether that worked.
pub(crate) fn at_exit(hook: extern "C" fn()) -> bool {
    // SAFETY: `hook` lives as long as the program, and must not unwind, which its ABI sees to.
    unsafe { libc::atexit(hook) == 0 }
}
