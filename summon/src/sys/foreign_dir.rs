//! Puts files and directories into a directory that may belong to another user, as root does for
//! services.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::dir::{Dir, OPEN, give};
use super::users::Access;

/// Writes a file below `dir`, and gives it to the user. Replaces an existing file. Follows no link
/// on the way, since an earlier service may have left one.
pub(crate) fn file(
    dir: Dir,
    path: &Path,
    text: &[u8],
    mode: u32,
    access: Access,
) -> io::Result<()> {
    let (dir, name) = parent(dir, path, access)?;
    // Remove first, then create with `O_EXCL`: it fails if the user puts a file or a link at the
    // name in between (`open(2)`). Opening the existing file would write through a link, or into a
    // file that another process has open.
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
    // The mode comes last: a change of the owner and a write clear the set-user-id and set-group-id
    // bits (`chown(2)`, `write(2)`).
    Ok(rustix::fs::fchmod(&made, Mode::from_raw_mode(mode as _))?)
}

/// Makes a new file in `dir`, to read and to append, and gives it to the user.
pub(crate) fn new_file(dir: &Dir, name: &OsStr, access: Access) -> io::Result<File> {
    let made = dir.create(name)?;
    if let Some(user) = access.user {
        give(made.as_fd(), user)?;
    }
    Ok(made)
}

/// Makes a directory below `dir` with that mode, and gives it to the user. An existing directory
/// gets the mode only.
pub(crate) fn directory(dir: Dir, path: &Path, mode: u32, access: Access) -> io::Result<()> {
    let (dir, name) = parent(dir, path, access)?;
    Dir::from(enter(dir.as_fd(), name, access)?).set_mode(mode)
}

/// Removes a file below `dir`, if it exists.
pub(crate) fn remove(dir: &Dir, path: &Path) -> io::Result<()> {
    let access = Access {
        user: None,
        mode: 0o700,
    };
    let (dir, name) = parent(dir.try_clone()?, path, access)?;
    match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Opens the directory for the last component of a path, and returns it with that component. Makes
/// missing directories.
fn parent(dir: Dir, path: &Path, access: Access) -> io::Result<(OwnedFd, &OsStr)> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part),
            Component::CurDir => {}
            // A `..` could leave the directory, and an absolute path ignores it.
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

/// Opens a directory in another, and makes it if it does not exist.
fn enter(at: BorrowedFd<'_>, name: &OsStr, access: Access) -> io::Result<OwnedFd> {
    let made = match rustix::fs::mkdirat(at, name, Mode::RWXU) {
        Ok(()) => true,
        // Make first, then look: a check before `mkdir` would race with another process that makes
        // the directory.
        Err(Errno::EXIST) => false,
        Err(error) => return Err(error.into()),
    };
    // `OPEN` refuses a link, so a link that the user has put there is an error, not a way out.
    let dir = rustix::fs::openat(at, name, OPEN, Mode::empty())?;
    // Only a directory made here is given away: an existing one may be of the user's choice.
    if made {
        if let Some(user) = access.user {
            give(dir.as_fd(), user)?;
        }
        rustix::fs::fchmod(&dir, Mode::from_raw_mode(access.mode as _))?;
    }
    Ok(dir)
}
