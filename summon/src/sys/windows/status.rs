//! What a wait status says: an exit code, and nothing else.

use std::os::windows::process::ExitStatusExt;
use std::process::ExitStatus;

/// That of a number, as a guard tells it.
pub(crate) fn from_raw(raw: i32) -> ExitStatus {
    ExitStatus::from_raw(raw as u32)
}

/// The signal that a program has died of.
pub(crate) fn signal(_status: ExitStatus) -> Option<i32> {
    None
}

/// Whether there is a picture of its memory.
pub(crate) fn core_dumped(_status: ExitStatus) -> bool {
    false
}
