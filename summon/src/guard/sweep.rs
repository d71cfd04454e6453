//! Cleaning up after an owner that can't any more.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use super::recorder::Log;
use crate::session::{INTERRUPTED, Sweep};
use crate::sys::{holes, is_alone, private};

/// Removes what the owner would have removed, had it lived. What stays is told in the log, which then
/// stays too. `for_warden`: the log stays until a warden has decided about it.
pub(super) fn sweep(files: &Sweep, log: &mut Log, for_warden: bool) {
    let parent = files.tree.parent().unwrap_or(&files.tree);
    let left = files.homes.remove(name(&files.tree), parent);
    for left in &left {
        log.keep(format!("[summon: {left}]\n").as_bytes());
    }
    if !left.is_empty() {
        let _ = private::keep(&log.file);
    }
    let (logs, log_name) = (&files.logs, name(&files.log));
    let is_kept = private::is_kept(&log.file);
    let _ = match is_kept || for_warden {
        true => holes::leave(&log.file, logs, log_name),
        false => logs.remove_file(log_name),
    };
    if !is_kept && for_warden {
        // A copy without holes is one that is kept.
        let copy = logs.append(log_name);
        let _ = copy.and_then(|copy| private::release(&copy));
    }
    for stream in &files.streams {
        let _ = logs.remove_file(name(stream));
    }
    if let Some(socket) = &files.socket {
        let _ = fs::remove_file(socket);
    }
    // After all that it is the claim on.
    if let Some((claim, _)) = &files.claim {
        let _ = files.session.remove_file(name(claim));
    }
    // What root has made for another user goes when it is empty.
    if !files.parents.iter().any(|of_session| of_session == parent) {
        let _ = fs::remove_dir(parent);
    }
    // By the directory of the session a warden finds that of the logs.
    if for_warden {
        return;
    }
    // Only for us alone: whoever else holds the lock is about to put something there.
    if is_alone(&files.session) {
        for parent in &files.parents {
            let _ = fs::remove_file(parent.join(INTERRUPTED));
            let _ = fs::remove_dir(parent);
        }
    }
}

fn name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or_default()
}
