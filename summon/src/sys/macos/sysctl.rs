//! Values of the kernel by name (`sysctl(3)`).

use std::ffi::CStr;
use std::io;
use std::ptr;

/// Reads a text.
pub(super) fn text(name: &CStr) -> Option<String> {
    let mut value = vec![0u8; 256];
    let length = by_name(name, &mut value)?;
    value.truncate(length);
    let text = value.split(|byte| *byte == 0).next()?;
    String::from_utf8(text.to_vec()).ok()
}

/// Reads a number.
pub(super) fn number(name: &CStr) -> Option<i32> {
    let mut value = [0; 4];
    let length = by_name(name, &mut value)?;
    // Another length means that the value is not an `int`.
    (length == value.len()).then(|| i32::from_ne_bytes(value))
}

fn by_name(name: &CStr, value: &mut [u8]) -> Option<usize> {
    let mut length = value.len();
    // SAFETY: `name` ends with a NUL, `value` has room for `length` bytes, and no new value is set.
    let done = unsafe {
        libc::sysctlbyname(
            name.as_ptr(),
            value.as_mut_ptr().cast(),
            &raw mut length,
            ptr::null_mut(),
            0,
        )
    };
    // `sysctl` has replaced the room in `length` by the length of the value.
    (done == 0).then_some(length)
}

/// Reads the arguments and the environment of a process (`KERN_PROCARGS2`): the number of
/// arguments, the path of the executable, NULs, and the arguments, each with a NUL.
pub(super) fn arguments(pid: u32) -> io::Result<Vec<u8>> {
    /// The most bytes that a process can have (`ARG_MAX`).
    const MOST: usize = 1 << 20;
    // Ask once, with room for the most. Asking for the size first would race with an `exec` of the
    // process, which changes the size.
    let mut names = [libc::CTL_KERN, libc::KERN_PROCARGS2, pid as i32];
    let mut value = vec![0u8; MOST];
    let mut length = value.len();
    // SAFETY: `names` has three numbers, `value` has room for `length` bytes, and no new value is
    // set.
    let done = unsafe {
        libc::sysctl(
            names.as_mut_ptr(),
            names.len() as u32,
            value.as_mut_ptr().cast(),
            &raw mut length,
            ptr::null_mut(),
            0,
        )
    };
    if done == -1 {
        return Err(io::Error::last_os_error());
    }
    value.truncate(length);
    Ok(value)
}
