//! Opens a path as root for a program of another user. That user may have put links on the way, to
//! make root open another file.
//!
//! The walk goes from descriptor to descriptor. It follows a link only if the link belongs to root
//! or to this process's user, and if the other user can't replace it. In such a directory the link
//! can't change between the call that checks it and the call that reads it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::dir::OPEN;
use super::users::User;

/// The kernel's own limit (`path_resolution(7)`).
const MOST_LINKS: u32 = 40;

/// Opens a file to read it.
pub(crate) fn file(path: &Path, user: User) -> io::Result<File> {
    // Non-blocking: the user may have put a named pipe there, and `open` would wait for a writer
    // (`fifo(7)`).
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let (dir, file) = walk(path, user, flags)?;
    // Look at the open file, not at the name: the user may rename another file to the name after
    // the check.
    let (dir, found) = (rustix::fs::fstat(dir)?, rustix::fs::fstat(&file)?);
    // A hard link works like a symbolic link here: the user can give another owner's file a second
    // name, if the kernel permits (`protected_hardlinks` in `proc_sys_fs(5)`).
    if !is_fixed(&dir, user) && found.st_uid != user.uid && found.st_nlink > 1 {
        return Err(Errno::LOOP.into());
    }
    // The flag belongs to the open file. The program inherits it, and expects reads that block.
    rustix::fs::fcntl_setfl(&file, OFlags::empty())?;
    Ok(file.into())
}

/// Opens a directory.
pub(crate) fn directory(path: &Path, user: User) -> io::Result<OwnedFd> {
    Ok(walk(path, user, OPEN)?.1)
}

/// Explains an error that is due to a link.
pub(crate) fn explain(error: io::Error) -> io::Error {
    match error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) {
        true => io::Error::other(
            "there is a link on its way that another user may have made, which root does not \
             follow; name the place that it should lead to",
        ),
        false => error,
    }
}

/// Opens the file at a path with the flags `last`. Returns it after the directory that contains it.
fn walk(path: &Path, user: User, last: OFlags) -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let root = || rustix::fs::open("/", OPEN, Mode::empty());
    let (mut dir, mut at) = (root()?, root()?);
    let mut links = 0;
    let mut rest = Vec::new();
    push(&mut rest, path);
    while let Some(name) = rest.pop() {
        if name == "/" {
            // The target of a link is an absolute path, so it starts again at the root.
            at = root()?;
            continue;
        }
        let flags = match rest.is_empty() {
            true => last,
            false => OPEN,
        };
        // `O_NOFOLLOW` applies to the last component only (`open(2)`), so open one component at a
        // time. Then every component is the last one, and no link is followed unseen.
        match rustix::fs::openat(&at, &name, flags, Mode::empty()) {
            Ok(found) => dir = std::mem::replace(&mut at, found),
            // Systems report a link by different errors.
            Err(error @ (Errno::LOOP | Errno::NOTDIR | Errno::MLINK)) => {
                let target = follow(at.as_fd(), &name, user, error)?;
                // Two links that lead to each other would keep the walk going for ever.
                links += 1;
                if links > MOST_LINKS {
                    return Err(Errno::LOOP);
                }
                push(&mut rest, Path::new(&target));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((dir, at))
}

/// Pushes the components of a path on the stack of components to walk.
fn push(rest: &mut Vec<OsString>, path: &Path) {
    let parts = path.components().rev();
    let parts = parts.filter(|part| *part != Component::CurDir);
    rest.extend(parts.map(|part| part.as_os_str().to_owned()));
}

/// Returns the target of a link, if it is a link and may be followed.
fn follow(
    at: BorrowedFd<'_>,
    name: &OsStr,
    user: User,
    otherwise: Errno,
) -> rustix::io::Result<OsString> {
    let link = rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(link.st_mode) != FileType::Symlink {
        return Err(otherwise);
    }
    if !is_trusted(&link) || !is_fixed(&rustix::fs::fstat(at)?, user) {
        return Err(Errno::LOOP);
    }
    let target = rustix::fs::readlinkat(at, name, Vec::new())?;
    Ok(OsString::from_vec(target.into_bytes()))
}

fn is_trusted(found: &Stat) -> bool {
    found.st_uid == 0 || found.st_uid == super::users::user()
}

/// Whether the user can't replace root's entries in a directory.
fn is_fixed(dir: &Stat, user: User) -> bool {
    let mode = Mode::from_raw_mode(dir.st_mode);
    // In a sticky directory only the owner of an entry or of the directory may rename or remove it
    // (`unlink(2)`), so `/tmp` qualifies.
    let is_sticky = mode.contains(Mode::SVTX);
    // The program has no supplementary groups, see `User::become_it`, so its own group is the
    // only one.
    let is_writable =
        mode.contains(Mode::WOTH) || mode.contains(Mode::WGRP) && dir.st_gid == user.gid;
    is_trusted(dir) && (is_sticky || !is_writable)
}
