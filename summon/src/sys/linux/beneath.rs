//! Opens a directory in another one without leaving the mount: a file system that the service has
//! mounted there is not summon's to read or remove.

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::io::Errno;

use crate::sys::dir::OPEN;

/// Opens a directory in another. A link is `ELOOP` or `ENOTDIR`, a mount point is `EXDEV`.
pub(crate) fn enter(at: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<OwnedFd> {
    open(at, name, OPEN)
}

/// Lets the owner of a directory read and change it, though its mode (`0555`, `0000`) denies that.
pub(crate) fn open_up(at: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<()> {
    // Mode 0000 refuses `open` for reading, but `O_PATH` needs no permission on the directory
    // itself (`open(2)`). `fchmod` refuses an `O_PATH` descriptor with `EBADF`, so the change goes
    // through its link in `/proc`. That link leads to the inode, so a rename in between can't
    // redirect it.
    let dir = open(at, name, OPEN.union(OFlags::PATH))?;
    rustix::fs::chmod(format!("/proc/self/fd/{}", dir.as_raw_fd()), Mode::RWXU)
}

fn open(at: BorrowedFd<'_>, name: &OsStr, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH;
    // The kernel checks links and mounts in the same step that opens the name (`openat2(2)`). A
    // check before or after the open would race with a service that swaps the directory for a link.
    // `BENEATH` also refuses `..` as a name.
    match rustix::fs::openat2(at, name, flags, Mode::empty(), resolve) {
        // Kernels before 5.6 lack the call, and so do older seccomp profiles of containers.
        Err(Errno::NOSYS | Errno::PERM) => open_and_compare(at, name, flags),
        other => other,
    }
}

fn open_and_compare(
    at: BorrowedFd<'_>,
    name: &OsStr,
    flags: OFlags,
) -> rustix::io::Result<OwnedFd> {
    // `OPEN` refuses a link as the last component, so the descriptor is the directory itself. Compare
    // descriptors, not names: a rename or a new mount can't change their directories.
    let dir = rustix::fs::openat(at, name, flags, Mode::empty())?;
    match mount(at)? == mount(dir.as_fd())? {
        true => Ok(dir),
        false => Err(Errno::XDEV),
    }
}

/// The identity of a mount: its number, which tells even bind mounts of one file system apart.
/// Kernels without mount numbers give the device of the file system.
#[derive(Debug, PartialEq)]
enum Mount {
    Number(u64),
    Device(u64),
}

fn mount(dir: BorrowedFd<'_>) -> rustix::io::Result<Mount> {
    // Kernels before 5.8 succeed without a mount number: the mask says which fields they have filled in
    // (`statx(2)`). The text in `/proc` is older than that, but needs a mounted `/proc`.
    let told = rustix::fs::statx(dir, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID);
    let told = told
        .ok()
        .filter(|found| StatxFlags::from_bits_retain(found.stx_mask).contains(StatxFlags::MNT_ID));
    match told.map(|found| found.stx_mnt_id).or_else(|| number(dir)) {
        Some(number) => Ok(Mount::Number(number)),
        None => Ok(Mount::Device(rustix::fs::fstat(dir)?.st_dev)),
    }
}

/// Reads the mount number from `/proc` (`proc_pid_fdinfo(5)`).
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
