//! The meaning of a wait status.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// Makes a status from the number that a guard has sent.
pub(crate) fn from_raw(raw: i32) -> ExitStatus {
    ExitStatus::from_raw(raw)
}

/// Returns the signal that ended the program, if one did.
pub(crate) fn signal(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// Whether the kernel has written a core dump.
pub(crate) fn core_dumped(status: ExitStatus) -> bool {
    status.core_dumped()
}
