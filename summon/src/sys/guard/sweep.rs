//! Cleaning up after an owner that can't any more.

use std::fs::{self, File};
use std::os::fd::OwnedFd;

use super::terms::{INTERRUPTED, Sweep};
use crate::sys::private;

/// Removes what the owner would have removed, had it lived.
/// `lock`: that on the directory of the session. `for_warden`: the log stays until a warden has
/// decided about it.
pub(super) fn sweep(files: &Sweep, log: &File, lock: Option<&OwnedFd>, for_warden: bool) {
    if let Some(tree) = &files.tree {
        let _ = fs::remove_dir_all(tree);
    }
    let is_kept = || log.metadata().is_ok_and(|found| private::is_kept(&found));
    if let Some(file) = &files.file {
        let is_kept = is_kept();
        let _ = match is_kept || for_warden {
            true => crate::sys::holes::leave(log, file),
            false => fs::remove_file(file),
        };
        if !is_kept && for_warden {
            // A copy without holes is one that is kept.
            let _ = private::release(file);
        }
    }
    for stream in &files.streams {
        let _ = fs::remove_file(stream);
    }
    // By the directory of the session a warden finds that of the logs.
    if for_warden {
        return;
    }
    // Only for us alone: whoever else holds the lock is about to put something there.
    if lock.is_some_and(crate::sys::is_alone) {
        for parent in &files.parents {
            let _ = fs::remove_file(parent.join(INTERRUPTED));
            let _ = fs::remove_dir(parent);
        }
    }
}
