//! Cleaning up after an owner that can't any more.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;

use super::recorder::Log;
use crate::session::{INTERRUPTED, Sweep};
use crate::sys::dir::Dir;
use crate::sys::private;

/// The directories where an owner would clean up, and the claim on the names there.
pub(super) struct Places {
    /// That of the session, which is locked.
    session: Dir,
    pub(super) logs: Dir,
    homes: Dir,
    /// Held to the end.
    _claim: Option<OwnedFd>,
}

impl Places {
    /// Takes them from what came with a job.
    pub(super) fn of(sweep: &Sweep, fds: &mut impl Iterator<Item = OwnedFd>) -> Option<Places> {
        let mut next = || fds.next().map(Dir::from);
        Some(Places {
            session: next()?,
            logs: next()?,
            homes: next()?,
            _claim: sweep.claim.as_ref().and_then(|_| fds.next()),
        })
    }
}

/// Removes what the owner would have removed, had it lived. What stays is told in the log, which then
/// stays too. `for_warden`: the log stays until a warden has decided about it.
pub(super) fn sweep(files: &Sweep, places: &Places, log: &mut Log, for_warden: bool) {
    if let Some(tree) = &files.tree {
        let parent = tree.parent().unwrap_or(tree);
        let left = places.homes.remove(name(tree), parent);
        for left in &left {
            log.keep(format!("[summon: {left}]\n").as_bytes());
        }
        if !left.is_empty() {
            let _ = private::keep(&log.file);
        }
    }
    if let Some(file) = &files.file {
        let is_kept = private::is_kept(&log.file);
        let _ = match is_kept || for_warden {
            true => crate::sys::holes::leave(&log.file, &places.logs, name(file)),
            false => places.logs.remove_file(name(file)),
        };
        if !is_kept && for_warden {
            // A copy without holes is one that is kept.
            let _ = places
                .logs
                .append(name(file))
                .and_then(|it| private::release(&it));
        }
    }
    for stream in &files.streams {
        let _ = places.logs.remove_file(name(stream));
    }
    if let Some(socket) = &files.socket {
        let _ = fs::remove_file(socket);
    }
    // After all that it is the claim on.
    if let Some(claim) = &files.claim {
        let _ = places.session.remove_file(name(claim));
    }
    // What root has made for another user goes when it is empty.
    let parent = files.tree.as_deref().and_then(Path::parent);
    let other = parent.filter(|it| !files.parents.iter().any(|of_session| of_session == it));
    let _ = other.map(fs::remove_dir);
    // By the directory of the session a warden finds that of the logs.
    if for_warden {
        return;
    }
    // Only for us alone: whoever else holds the lock is about to put something there.
    if crate::sys::is_alone(&places.session) {
        for parent in &files.parents {
            let _ = fs::remove_file(parent.join(INTERRUPTED));
            let _ = fs::remove_dir(parent);
        }
    }
}

fn name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or_default()
}
