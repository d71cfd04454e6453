//! Where the title of this process is.

use std::ffi::CStr;

/// There is no short name that a process could set for itself.
pub(crate) fn set_short(_name: &str) {}

/// Where the arguments lie, from the first byte to behind the last one. It is writable memory of
/// the process's own stack, one argument behind the other.
pub(crate) fn arguments() -> Option<(usize, usize)> {
    // SAFETY: it may be called at any time, and returns a place that is valid.
    let count = unsafe { libc::_NSGetArgc() };
    // SAFETY: as above.
    let arguments = unsafe { libc::_NSGetArgv() };
    // SAFETY: as above.
    let count = usize::try_from(unsafe { *count }).ok()?;
    // SAFETY: as above.
    let arguments = unsafe { *arguments };
    if count == 0 || arguments.is_null() {
        return None;
    }
    // SAFETY: there are that many arguments.
    let arguments = unsafe { std::slice::from_raw_parts(arguments, count) };
    let (first, last) = (*arguments.first()?, *arguments.last()?);
    if first.is_null() || last < first {
        return None;
    }
    // SAFETY: it is an argument, which ends with NUL.
    let length = unsafe { CStr::from_ptr(last) }.to_bytes_with_nul().len();
    Some((first.addr(), last.addr() + length))
}
