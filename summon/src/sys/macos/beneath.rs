//! From a directory to one in it, on the same file system: what is mounted below a directory of ours
//! is none of ours.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;

use crate::sys::dir::OPEN;

/// Opens a directory in another. A link is `ELOOP` or `ENOTDIR`, what is mounted there is `EXDEV`.
pub(crate) fn enter(at: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<OwnedFd> {
    let dir = rustix::fs::openat(at, name, OPEN, Mode::empty())?;
    let device = |dir: BorrowedFd<'_>| rustix::fs::fstat(dir).map(|found| found.st_dev);
    match device(at)? == device(dir.as_fd())? {
        true => Ok(dir),
        false => Err(Errno::XDEV),
    }
}

/// Lets its owner read and change a directory in another that denies it (`mode 0555`, `mode 0000`).
pub(crate) fn open_up(at: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<()> {
    rustix::fs::chmodat(at, name, Mode::RWXU, AtFlags::SYMLINK_NOFOLLOW)
}
