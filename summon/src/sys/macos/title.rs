//! The title of this process, as `ps` shows it.

use std::ffi::CStr;

/// Does nothing: macOS has no short name that a process can set.
pub(crate) fn set_short(_name: &str) {}

/// Finds the arguments in memory, from the first byte to behind the last. The memory is writable,
/// on the process's own stack, with one argument behind the other.
pub(crate) fn arguments() -> Option<(usize, usize)> {
    // SAFETY: `_NSGetArgc` takes nothing, and returns a valid pointer.
    let count = unsafe { libc::_NSGetArgc() };
    // SAFETY: `_NSGetArgv` takes nothing, and returns a valid pointer.
    let arguments = unsafe { libc::_NSGetArgv() };
    // SAFETY: the pointer is valid.
    let count = usize::try_from(unsafe { *count }).ok()?;
    // SAFETY: the pointer is valid.
    let arguments = unsafe { *arguments };
    if count == 0 || arguments.is_null() {
        return None;
    }
    // SAFETY: `argv` has `argc` elements.
    let arguments = unsafe { std::slice::from_raw_parts(arguments, count) };
    let (first, last) = (*arguments.first()?, *arguments.last()?);
    // The program may have replaced elements of `argv`. Then the memory between them is not all
    // arguments, and must not be written.
    if first.is_null() || last < first {
        return None;
    }
    // SAFETY: `last` is an argument, which ends with a NUL.
    let length = unsafe { CStr::from_ptr(last) }.to_bytes_with_nul().len();
    Some((first.addr(), last.addr() + length))
}
