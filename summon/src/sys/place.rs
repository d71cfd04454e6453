//! Puts files and directories into a directory that another user may hold, as root does for services.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::dir::{Dir, OPEN, give};
use super::users::Access;

/// Writes a file below `dir`, in place of what is there, and gives it to the user. No link is
/// followed on the way: a service that ran there before may have left one.
pub(crate) fn file(
    dir: Dir,
    path: &Path,
    text: &[u8],
    mode: u32,
    access: Access,
) -> io::Result<()> {
    let (dir, name) = parent(dir, path, access)?;
    match rustix::fs::unlinkat(&dir, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    let new = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let made = rustix::fs::openat(&dir, name, new, Mode::RUSR | Mode::WUSR)?;
    if let Some(user) = access.user {
        give(made.as_fd(), user)?;
    }
    let mut made = File::from(made);
    made.write_all(text)?;
    // Last: a change of the owner or of the text takes bits away.
    Ok(rustix::fs::fchmod(&made, Mode::from_raw_mode(mode as _))?)
}

/// Makes a directory below `dir` with that mode, and gives it to the user. One that is there gets the
/// mode.
pub(crate) fn directory(dir: Dir, path: &Path, mode: u32, access: Access) -> io::Result<()> {
    let (dir, name) = parent(dir, path, access)?;
    Dir::from(enter(dir.as_fd(), name, access)?).set_mode(mode)
}

/// The directory in which the last component of a path is, made if need be, and that component.
fn parent(dir: Dir, path: &Path, access: Access) -> io::Result<(OwnedFd, &OsStr)> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part),
            Component::CurDir => {}
            _ => return Err(io::Error::other("it must be a path below the directory")),
        }
    }
    let Some((last, dirs)) = parts.split_last() else {
        return Err(io::Error::other("it has no name"));
    };
    let mut at = OwnedFd::from(dir);
    for name in dirs {
        at = enter(at.as_fd(), name, access)?;
    }
    Ok((at, last))
}

/// Opens a directory in another, and makes it first if need be.
fn enter(at: BorrowedFd<'_>, name: &OsStr, access: Access) -> io::Result<OwnedFd> {
    let made = match rustix::fs::mkdirat(at, name, Mode::RWXU) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(error) => return Err(error.into()),
    };
    let dir = rustix::fs::openat(at, name, OPEN, Mode::empty())?;
    if made {
        if let Some(user) = access.user {
            give(dir.as_fd(), user)?;
        }
        rustix::fs::fchmod(&dir, Mode::from_raw_mode(access.mode as _))?;
    }
    Ok(dir)
}
