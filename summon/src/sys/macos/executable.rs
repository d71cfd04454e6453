//! This executable, to be started again.

use std::io;
use std::process::Command;

/// How this executable can be started again: by its name, so one that was replaced or deleted can't.
/// Arguments follow.
pub(crate) fn again() -> io::Result<Vec<Command>> {
    let path = std::path::absolute(std::env::current_exe()?)?;
    Ok(vec![Command::new(path)])
}

/// Whether it was started with privileges that its file has: a set-user-id or set-group-id file
/// (`issetugid(2)`). Then its environment and its descriptors are a stranger's.
pub(crate) fn is_privileged() -> bool {
    // SAFETY: it takes nothing, and cannot fail.
    unsafe { libc::issetugid() != 0 }
}

/// The section with what runs before `main`.
pub(crate) const CONSTRUCTORS: &str = "__mod_init_func";

/// Why it can't be started, where the error does not say so.
pub(crate) fn why_not(error: &io::Error) -> Option<&'static str> {
    let is_gone = error.kind() == io::ErrorKind::NotFound;
    is_gone.then_some("the file of this executable was deleted while it runs")
}

/// Closes every descriptor from `first` on: what some code in the test process opened without
/// close-on-exec is not for us.
pub(crate) fn close_from(first: u32) {
    let Ok(entries) = std::fs::read_dir("/dev/fd") else {
        return;
    };
    let open: Vec<i32> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|fd: &i32| *fd >= first as i32)
        .collect();
    for fd in open {
        // SAFETY: the caller is the copy before `main`, in which nobody owns those descriptors; the
        // descriptor of the listing itself is closed by now, and closing it again does no harm in
        // a process of one thread.
        unsafe { libc::close(fd) };
    }
}
