//! Cleaning up after an owner that can't any more.

use std::fs::{self, File};
use std::os::fd::OwnedFd;

use super::terms::Sweep;
use crate::sys::private;

/// Removes what the owner would have removed, had it lived.
/// `lock`: that on the directory of the session.
pub(super) fn sweep(files: &Sweep, log: &File, lock: Option<&OwnedFd>) {
    if let Some(tree) = &files.tree {
        let _ = fs::remove_dir_all(tree);
    }
    let is_kept = || log.metadata().is_ok_and(|found| private::is_kept(&found));
    if let Some(file) = &files.file {
        let _ = match is_kept() {
            true => crate::sys::holes::leave(log, file),
            false => fs::remove_file(file),
        };
    }
    for stream in &files.streams {
        let _ = fs::remove_file(stream);
    }
    // Only for us alone: whoever else holds the lock is about to put something there.
    if lock.is_some_and(crate::sys::is_alone) {
        for parent in &files.parents {
            let _ = fs::remove_dir(parent);
        }
    }
}
