//! Opens a directory in another one without leaving the file system: a file system that the service
//! has mounted there is not summon's to read or remove.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;

use crate::sys::dir::OPEN;

/// Opens a directory in another. A link is `ELOOP` or `ENOTDIR`, a mount point is `EXDEV`.
pub(crate) fn enter(at: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<OwnedFd> {
    // `OPEN` refuses a link as the last component, so the descriptor is the directory itself.
    // Compare descriptors, not names: a rename or a new mount can't change their directories.
    let dir = rustix::fs::openat(at, name, OPEN, Mode::empty())?;
    let device = |dir: BorrowedFd<'_>| rustix::fs::fstat(dir).map(|found| found.st_dev);
    match device(at)? == device(dir.as_fd())? {
        true => Ok(dir),
        false => Err(Errno::XDEV),
    }
}

/// Lets the owner of a directory read and change it, though its mode (`0555`, `0000`) denies that.
pub(crate) fn open_up(at: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<()> {
    // Mode 0000 refuses the `open` that `fchmod` would need. By name, with `SYMLINK_NOFOLLOW`: if
    // the service swaps the directory for a link, only the link's own mode changes.
    rustix::fs::chmodat(at, name, Mode::RWXU, AtFlags::SYMLINK_NOFOLLOW)
}
