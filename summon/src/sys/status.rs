//! What a wait status says.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// That of a number, as a guard tells it.
pub(crate) fn from_raw(raw: i32) -> ExitStatus {
    ExitStatus::from_raw(raw)
}

/// The signal that a program has died of, if it has.
pub(crate) fn signal(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// Whether there is a picture of its memory.
pub(crate) fn core_dumped(status: ExitStatus) -> bool {
    status.core_dumped()
}
