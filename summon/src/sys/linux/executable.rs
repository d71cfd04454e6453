//! This executable, to be started again.

use std::io;
use std::path::{Path, PathBuf};

/// The very executable, also when its file was replaced or deleted.
#[expect(
    clippy::unnecessary_wraps,
    reason = "other systems have to look for it"
)]
pub(crate) fn path() -> io::Result<PathBuf> {
    Ok("/proc/self/exe".into())
}

/// Whether it was started with privileges that its file has, or that somebody else's rules gave it: a
/// set-user-id or set-group-id file, file capabilities, a security module (`AT_SECURE` in
/// `getauxval(3)`). Then its environment and its descriptors are a stranger's.
pub(crate) fn is_privileged() -> bool {
    // SAFETY: it takes a number, and reads what the kernel has given to this process.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// The section with what runs before `main`.
pub(crate) const CONSTRUCTORS: &str = ".init_array";

/// Why it can't be started, where the error does not say so.
pub(crate) fn why_not(error: &io::Error) -> Option<&'static str> {
    // Nor could a guard follow descendants without it.
    let is_unmounted = error.kind() == io::ErrorKind::NotFound && !Path::new("/proc/self").exists();
    is_unmounted.then_some("`/proc` is not mounted")
}

/// Closes every descriptor from `first` on: what some code in the test process opened without
/// close-on-exec is not for us.
pub(crate) fn close_from(first: u32) {
    // SAFETY: the caller is the copy before `main`, in which nobody owns those descriptors.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
    if closed == 0 {
        return;
    }
    // A kernel before 5.9.
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else {
        return;
    };
    let open: Vec<i32> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|fd: &i32| *fd >= first as i32)
        .collect();
    for fd in open {
        // SAFETY: as above; the descriptor of the listing itself is closed by now, and closing
        // it again does no harm in a process of one thread.
        unsafe { libc::close(fd) };
    }
}
