//! How to start this executable again.

use std::io;
use std::process::Command;

/// Returns commands that start this executable again. They use its name, so they fail if the file
/// was replaced or deleted. The caller adds arguments.
pub(crate) fn again() -> io::Result<Vec<Command>> {
    // `current_exe` may return the path as `exec` got it. Make it absolute, so that a change of
    // directory can't break it.
    let path = std::path::absolute(std::env::current_exe()?)?;
    Ok(vec![Command::new(path)])
}

/// Whether the file of this program gives it privileges: a set-user-id or set-group-id file
/// (`issetugid(2)`). Then its environment and its descriptors come from another user.
pub(crate) fn is_privileged() -> bool {
    // SAFETY: `issetugid` takes nothing, and can't fail.
    unsafe { libc::issetugid() != 0 }
}

/// The section of functions that run before `main`.
pub(crate) const CONSTRUCTORS: &str = "__mod_init_func";

/// Explains why the executable can't be started, if the error does not.
pub(crate) fn why_not(error: &io::Error) -> Option<&'static str> {
    let is_gone = error.kind() == io::ErrorKind::NotFound;
    is_gone.then_some("the file of this executable was deleted while it runs")
}

/// Closes every descriptor from `first` on. Code in the test process may have opened files without
/// close-on-exec.
pub(crate) fn close_from(first: u32) {
    // An inherited end of a pipe, for one, would keep its reader from seeing end of file after the
    // test process has ended. List first, then close: the listing itself uses one of these
    // descriptors.
    let Ok(entries) = std::fs::read_dir("/dev/fd") else {
        return;
    };
    let open: Vec<i32> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|fd: &i32| *fd >= first as i32)
        .collect();
    for fd in open {
        // SAFETY: the caller is the copy before `main`, where no value owns these descriptors. The
        // listing's own descriptor is closed by now. This process has one thread, so its number
        // belongs to no new file, and closing it again only fails with `EBADF`.
        unsafe { libc::close(fd) };
    }
}
