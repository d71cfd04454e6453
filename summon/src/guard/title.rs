//! What `ps` shows of a warden or a guard.

use crate::sys::title::{arguments, set_short};

/// Writes `text` over the arguments of this process, as far as it fits, and into its short name.
/// A title is a courtesy: where it can't be set, nothing is lost.
pub(super) fn set(text: &str) {
    let short: String = text.chars().take_while(|c| *c != ':').collect();
    set_short(&short);
    let Some((start, end)) = arguments() else {
        return;
    };
    let length = end.saturating_sub(start);
    let mut title = text.as_bytes().to_vec();
    // The last byte stays NUL: the kernel reads on into the environment otherwise.
    title.truncate(length.saturating_sub(1));
    title.resize(length, 0);
    // SAFETY: the kernel says that the arguments of this process lie there; they are writable
    // memory of its own stack, nobody else writes to it, and `title` is as long.
    unsafe { std::ptr::copy_nonoverlapping(title.as_ptr(), start as *mut u8, length) };
}
