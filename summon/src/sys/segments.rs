//! Shared memory segments of System V, which outlive their processes (`shmctl(2)`).
//!
//! A PostgreSQL that was killed leaves one. Its file `postmaster.pid` names the pid of the server in
//! the first line, and the segment in the seventh.

use std::ffi::OsStr;
use std::io::{Read, Take};
use std::mem::MaybeUninit;
use std::path::Path;

use super::dir::{Dir, FileStatus};
use super::remove::Left;

/// The most bytes of such a file.
const LONGEST: u64 = 4096;

impl Dir {
    /// Removes the private directory `name` of a process that has ended, with everything that the
    /// process left. Returns what could not be removed. `path` is the path of this directory.
    pub(crate) fn remove_home(&self, name: &OsStr, path: &Path) -> Vec<Left> {
        if let Ok(home) = self.enter(name) {
            release(&home);
            for below in home.names().unwrap_or_default() {
                if let Ok(below) = home.enter(&below) {
                    release(&below);
                }
            }
        }
        self.remove(name, path)
    }
}

/// Removes the segment of a dead server with this data directory.
fn release(data: &Dir) {
    let Ok(file) = data.append(OsStr::new("postmaster.pid")) else {
        return;
    };
    let owner = FileStatus::of(&file).map(|found| found.owner());
    let mut text = String::new();
    let mut file: Take<_> = file.take(LONGEST);
    let (Ok(owner), Ok(_)) = (owner, file.read_to_string(&mut text)) else {
        return;
    };
    let mut lines = text.lines();
    let pid = lines.next().and_then(|line| line.trim().parse().ok());
    let segment = lines.nth(5).and_then(|line| line.split_whitespace().nth(1));
    let segment = segment.and_then(|id| id.parse().ok());
    if let (Some(pid), Some(segment)) = (pid, segment) {
        remove(segment, pid, owner);
    }
}

/// Removes a segment, if this process of this user has made it.
fn remove(segment: i32, pid: i32, owner: u32) {
    let mut found = MaybeUninit::<libc::shmid_ds>::uninit();
    // SAFETY: `IPC_STAT` fills in the structure, which is valid for writes.
    if unsafe { libc::shmctl(segment, libc::IPC_STAT, found.as_mut_ptr()) } != 0 {
        return;
    }
    // SAFETY: the call has succeeded, so it has filled in the structure.
    let found = unsafe { found.assume_init() };
    // The number may belong to another segment by now, or the file may lie.
    if found.shm_cpid == pid && found.shm_perm.cuid == owner {
        // Children of a killed server may have the segment for another moment. They keep it, and the
        // kernel removes it after the last one (`shmctl(2)`).
        // SAFETY: `IPC_RMID` ignores the structure.
        unsafe { libc::shmctl(segment, libc::IPC_RMID, std::ptr::null_mut()) };
    }
}
