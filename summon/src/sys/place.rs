//! Puts a file into a directory that another user may hold, as root does for services.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::dir::{Dir, OPEN, give};
use super::users::User;

/// Writes a file below `dir`, in place of what is there, and gives it to the user. No link is
/// followed on the way: a service that ran there before may have left one.
pub(crate) fn below(dir: Dir, name: &Path, text: &[u8], user: Option<User>) -> io::Result<()> {
    let mut parts = Vec::new();
    for part in name.components() {
        match part {
            Component::Normal(part) => parts.push(part),
            Component::CurDir => {}
            _ => return Err(io::Error::other("it must be a path below the directory")),
        }
    }
    let Some((file, dirs)) = parts.split_last() else {
        return Err(io::Error::other("it has no name"));
    };
    let mut at = OwnedFd::from(dir);
    for name in dirs {
        at = enter(at.as_fd(), name, user)?;
    }
    match rustix::fs::unlinkat(&at, *file, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    let new = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let made = rustix::fs::openat(&at, *file, new, Mode::RUSR | Mode::WUSR)?;
    if let Some(user) = user {
        give(made.as_fd(), user)?;
    }
    File::from(made).write_all(text)
}

/// Opens a directory in another, and makes it first if need be.
fn enter(at: BorrowedFd<'_>, name: &OsStr, user: Option<User>) -> io::Result<OwnedFd> {
    let made = match rustix::fs::mkdirat(at, name, Mode::RWXU) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(error) => return Err(error.into()),
    };
    let dir = rustix::fs::openat(at, name, OPEN, Mode::empty())?;
    if let Some(user) = user.filter(|_| made) {
        give(dir.as_fd(), user)?;
    }
    Ok(dir)
}
