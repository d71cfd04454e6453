//! Sessions that no process uses any more.

use std::ffi::OsStr;
use std::path::Path;

use crate::sys::Lock;
use crate::sys::dir::Dir;

/// Returns whether the session at this path is gone, or no test process and no guard uses it. False if
/// this process can't tell, as with the session of another user.
pub(crate) fn is_unused(session: &Path) -> bool {
    let (Some(base), Some(name)) = (session.parent(), session.file_name()) else {
        return false;
    };
    match std::fs::symlink_metadata(session) {
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        Ok(_) => Dir::open(base).is_ok_and(|base| is_free(&base, name)),
    }
}

/// Whether the lock is free. The lock is given back at once.
fn is_free(base: &Dir, session: &OsStr) -> bool {
    matches!(base.enter_locked(session, Lock::Nobody), Ok(Some(_)))
}
