//! The meaning of a wait status: an exit code.

use std::os::windows::process::ExitStatusExt;
use std::process::ExitStatus;

/// Makes a status from the number that a guard has sent.
pub(crate) fn from_raw(raw: i32) -> ExitStatus {
    ExitStatus::from_raw(raw as u32)
}

/// Returns the signal that ended the program. Windows has none.
pub(crate) fn signal(_status: ExitStatus) -> Option<i32> {
    None
}

/// Whether the kernel has written a core dump. Windows has none.
pub(crate) fn core_dumped(_status: ExitStatus) -> bool {
    false
}
