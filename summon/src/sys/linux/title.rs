//! The title of this process, as `ps` shows it.

use std::ffi::CString;
use std::sync::OnceLock;

use super::{proc, text};

/// Sets the short name, which `ps -o comm` shows.
pub(crate) fn set_short(name: &str) {
    if let Ok(name) = CString::new(name) {
        // The kernel cuts the name after 15 bytes (`PR_SET_NAME(2const)`).
        let _ = rustix::thread::set_name(&name);
    }
}

/// Finds the arguments in memory, from the first byte to behind the last: `arg_start` and `arg_end`
/// of `/proc/self/stat` (`proc_pid_stat(5)`). The memory is writable, on the process's own stack.
pub(crate) fn arguments() -> Option<(usize, usize)> {
    // A forked process has them at the same addresses.
    static ARGUMENTS: OnceLock<Option<(usize, usize)>> = OnceLock::new();
    *ARGUMENTS.get_or_init(find_arguments)
}

fn find_arguments() -> Option<(usize, usize)> {
    let stat = text::read("/proc/self/stat").ok()?;
    let mut fields = proc::behind_name(&stat)?;
    // The iterator starts at the third field of the line. These are the 48th and the 49th.
    let start = fields.nth(45)?.parse().ok()?;
    let end = fields.next()?.parse().ok()?;
    // 0 means that the kernel doesn't tell (`proc_pid_stat(5)`). The program itself may have moved
    // both (`PR_SET_MM(2const)`).
    (start != 0 && start < end).then_some((start, end))
}
