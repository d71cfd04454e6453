//! Cleans up after an owner that has died.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use super::recorder::Log;
use crate::session::{INTERRUPTED, Sweep};
use crate::sys::{holes, is_alone, private};

/// Removes the files that the owner would have removed. Notes failures in the log, and keeps the
/// log then. `for_warden`: the log stays until a warden has decided about it.
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
    // Read before `leave`, which marks its copy as kept.
    let is_kept = private::is_kept(&log.file);
    let _ = match is_kept || for_warden {
        // The service may have renamed or replaced the log's name. `leave` puts the real log there,
        // from its descriptor.
        true => holes::leave(&log.file, logs, log_name),
        false => logs.remove_file(log_name),
    };
    if !is_kept && for_warden {
        // Takes the mark off again: the warden decides about this log.
        let copy = logs.append(log_name);
        let _ = copy.and_then(|copy| private::release(&copy));
    }
    for stream in &files.streams {
        let _ = logs.remove_file(name(stream));
    }
    if let Some(socket) = &files.socket {
        let _ = fs::remove_file(socket);
    }
    // After the files that the claim protects. Without the claim, another process may take the
    // name, and would lose its new files to this clean-up.
    if let Some((claim, _)) = &files.claim {
        let _ = files.session.remove_file(name(claim));
    }
    // Root made this directory for another user. `remove_dir` removes it only if it is empty.
    if !files.parents.iter().any(|of_session| of_session == parent) {
        let _ = fs::remove_dir(parent);
    }
    // A warden finds the directory of the logs through the session's directory, so both stay.
    if for_warden {
        return;
    }
    // Only if no other process holds the session's lock: another holder may be about to put files
    // there.
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
