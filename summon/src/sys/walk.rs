//! Opens a path as root, for a program of another user, who may have put links on the way to have
//! root open something else.
//!
//! The path is walked from descriptor to descriptor. A link is followed if it belongs to root or to us,
//! and if nobody else can put another one in its place. In such a directory it can't change between the
//! two calls that look at it and read it.

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

/// As many as the kernel follows (`path_resolution(7)`).
const MOST_LINKS: u32 = 40;

/// Opens a file to read it.
pub(crate) fn file(path: &Path, user: User) -> io::Result<File> {
    // Without waiting for the other end of a pipe that the user has put there.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let (dir, file) = walk(path, user, flags)?;
    let (dir, found) = (rustix::fs::fstat(dir)?, rustix::fs::fstat(&file)?);
    // A second name of somebody else's file is as good as a link.
    if !is_fixed(&dir, user) && found.st_uid != user.uid && found.st_nlink > 1 {
        return Err(Errno::LOOP.into());
    }
    rustix::fs::fcntl_setfl(&file, OFlags::empty())?;
    Ok(file.into())
}

/// Opens a directory.
pub(crate) fn directory(path: &Path, user: User) -> io::Result<OwnedFd> {
    Ok(walk(path, user, OPEN)?.1)
}

/// Says of an error whether a link was the reason.
pub(crate) fn explain(error: io::Error) -> io::Error {
    match error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) {
        true => io::Error::other(
            "there is a link on its way that another user may have made, which root does not \
             follow; name the place that it should lead to",
        ),
        false => error,
    }
}

/// Opens what is at a path with these flags, and the directory that it is in.
fn walk(path: &Path, user: User, last: OFlags) -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let root = || rustix::fs::open("/", OPEN, Mode::empty());
    let (mut dir, mut at) = (root()?, root()?);
    let mut links = 0;
    let mut rest = Vec::new();
    push(&mut rest, path);
    while let Some(name) = rest.pop() {
        if name == "/" {
            at = root()?;
            continue;
        }
        let flags = match rest.is_empty() {
            true => last,
            false => OPEN,
        };
        match rustix::fs::openat(&at, &name, flags, Mode::empty()) {
            Ok(found) => dir = std::mem::replace(&mut at, found),
            // Not all systems say the same of a link.
            Err(error @ (Errno::LOOP | Errno::NOTDIR | Errno::MLINK)) => {
                let target = follow(at.as_fd(), &name, user, error)?;
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

/// Puts the components of a path on the stack of those that are still to be walked.
fn push(rest: &mut Vec<OsString>, path: &Path) {
    let parts = path.components().rev();
    let parts = parts.filter(|part| *part != Component::CurDir);
    rest.extend(parts.map(|part| part.as_os_str().to_owned()));
}

/// Where a link leads, if it is one and may be followed.
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
    found.st_uid == 0 || found.st_uid == super::user()
}

/// Whether what root has in a directory stays there, whatever the user does.
fn is_fixed(dir: &Stat, user: User) -> bool {
    let mode = Mode::from_raw_mode(dir.st_mode);
    let is_sticky = mode.contains(Mode::SVTX);
    let is_writable =
        mode.contains(Mode::WOTH) || mode.contains(Mode::WGRP) && dir.st_gid == user.gid;
    is_trusted(dir) && (is_sticky || !is_writable)
}
