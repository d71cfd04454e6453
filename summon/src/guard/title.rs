//! Sets the title that `ps` shows for a warden or a guard.

use crate::sys::title::{arguments, set_short};

/// Writes `text` over the arguments of this process as far as it fits, and its first word into the
/// short name.
/// Without support by the system, nothing happens.
pub(super) fn set(text: &str) {
    let short: String = text.chars().take_while(|c| !":,".contains(*c)).collect();
    set_short(&short);
    let Some((start, end)) = arguments() else {
        return;
    };
    let length = end.saturating_sub(start);
    let mut title = text.as_bytes().to_vec();
    // The last byte stays NUL. Otherwise the kernel continues into the environment, and `ps` shows
    // that too (`proc_pid_cmdline(5)`).
    title.truncate(length.saturating_sub(1));
    // Zeroes erase the rest of the old arguments, which `ps` would show after the title.
    title.resize(length, 0);
    // SAFETY: the kernel reports this range as the arguments of this process, on its own writable
    // stack. `title` has the same length. The process has one thread, so no other code reads the
    // range now.
    unsafe { std::ptr::copy_nonoverlapping(title.as_ptr(), start as *mut u8, length) };
}
