//! From a directory to one in it, on the same file system and the same mount of it: what is mounted
//! below a directory of ours is none of ours.

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::io::Errno;

use crate::sys::dir::OPEN;

/// Opens a directory in another. A link is `ELOOP` or `ENOTDIR`, what is mounted there is `EXDEV`.
pub(crate) fn enter(at: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<OwnedFd> {
    open(at, name, OPEN)
}

/// Lets its owner read and change a directory in another that denies it (`mode 0555`, `mode 0000`).
pub(crate) fn open_up(at: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<()> {
    // What can't be read can be named, and changed by the name that `/proc` has for it.
    let dir = open(at, name, OPEN.union(OFlags::PATH))?;
    rustix::fs::chmod(format!("/proc/self/fd/{}", dir.as_raw_fd()), Mode::RWXU)
}

fn open(at: BorrowedFd<'_>, name: &OsStr, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH;
    match rustix::fs::openat2(at, name, flags, Mode::empty(), resolve) {
        // A kernel before 5.6, or a container's profile from before it.
        Err(Errno::NOSYS | Errno::PERM) => open_and_compare(at, name, flags),
        other => other,
    }
}

fn open_and_compare(
    at: BorrowedFd<'_>,
    name: &OsStr,
    flags: OFlags,
) -> rustix::io::Result<OwnedFd> {
    let dir = rustix::fs::openat(at, name, flags, Mode::empty())?;
    match mount(at)? == mount(dir.as_fd())? {
        true => Ok(dir),
        false => Err(Errno::XDEV),
    }
}

/// What tells one mount from another: its number, which a bind mount of the same file system has too.
/// Where the kernel has none to tell, the file system's.
#[derive(Debug, PartialEq)]
enum Mount {
    Number(u64),
    Device(u64),
}

fn mount(dir: BorrowedFd<'_>) -> rustix::io::Result<Mount> {
    let told = rustix::fs::statx(dir, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID);
    let told = told
        .ok()
        .filter(|found| StatxFlags::from_bits_retain(found.stx_mask).contains(StatxFlags::MNT_ID));
    match told.map(|found| found.stx_mnt_id).or_else(|| number(dir)) {
        Some(number) => Ok(Mount::Number(number)),
        None => Ok(Mount::Device(rustix::fs::fstat(dir)?.st_dev)),
    }
}

/// As `/proc` has it (`proc_pid_fdinfo(5)`).
fn number(dir: BorrowedFd<'_>) -> Option<u64> {
    let path = format!("/proc/self/fdinfo/{}", dir.as_raw_fd());
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("mnt_id:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_tell_a_mount_agree() {
        let opened = |path: &str| rustix::fs::open(path, OPEN, Mode::empty()).unwrap();
        let (root, etc, proc) = (opened("/"), opened("/etc"), opened("/proc"));
        let numbers = [&root, &etc, &proc].map(|dir| number(dir.as_fd()).map(Mount::Number));
        let told = [&root, &etc, &proc].map(|dir| mount(dir.as_fd()).ok());
        assert_eq!(numbers, told);
        assert_ne!(told[0], told[2]);
        for way in [open, open_and_compare] {
            let _ = way(root.as_fd(), OsStr::new("etc"), OPEN).unwrap();
            let entered = way(root.as_fd(), OsStr::new("proc"), OPEN);
            assert_eq!(entered.unwrap_err(), Errno::XDEV);
        }
    }
}
