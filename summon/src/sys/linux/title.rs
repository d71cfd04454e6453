//! Where the title of this process is.

use std::ffi::CString;
use std::fs;

use super::proc;

/// Sets the short name, which `ps -o comm` shows.
pub(crate) fn set_short(name: &str) {
    if let Ok(name) = CString::new(name) {
        let _ = rustix::thread::set_name(&name);
    }
}

/// Where the arguments lie, from the first byte to behind the last one: the fields `arg_start` and
/// `arg_end` of `/proc/self/stat`. It is writable memory of the process's own stack.
pub(crate) fn arguments() -> Option<(usize, usize)> {
    let stat = fs::read("/proc/self/stat").ok()?;
    let mut fields = proc::behind_name(&stat)?;
    // The first field here is the third of the line; those wanted are the 48th and the 49th.
    let start = fields.nth(45)?.parse().ok()?;
    let end = fields.next()?.parse().ok()?;
    (start != 0 && start < end).then_some((start, end))
}
