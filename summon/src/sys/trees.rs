//! Copies trees of files into a directory that may belong to another user, as root does for
//! services.
//!
//! Each step goes from an open directory to a name in it, and follows no link: the user may replace
//! entries on both sides meanwhile.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid};
use rustix::io::Errno;

use super::dir::{Dir, OPEN, give};
use super::system::contents::CopyWays;
pub(crate) use super::system::contents::spread;
use super::users::User;

/// The most steps down. The recursion holds two descriptors for each step.
const DEEPEST: usize = 64;

/// What a tree contains: the number of its entries, and a digest of their names, modes, sizes, and
/// times. It shows whether a later look finds the same tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Print {
    pub(crate) entries: u64,
    pub(crate) digest: u64,
}

/// Looks at a tree. Fails if a copy would not be equal to it.
pub(crate) fn look(from: &Dir, owner: u32) -> io::Result<Print> {
    walk(from, None, owner, None)
}

/// Copies all entries of `from`, which belong to `owner`, into `to`, with their modes and times.
/// Gives the copies to the user. Merges directories, and fails if a file exists already.
///
/// An error of the kind `InvalidData` means that the tree has an entry that can't be copied.
pub(crate) fn copy(from: &Dir, to: &Dir, owner: u32, user: Option<User>) -> io::Result<Print> {
    walk(from, Some(to), owner, user)
}

fn walk(from: &Dir, to: Option<&Dir>, owner: u32, user: Option<User>) -> io::Result<Print> {
    let mut copying = Copying {
        owner,
        user,
        device: rustix::fs::fstat(from)?.st_dev as _,
        way: CopyWays::default(),
        print: Print::default(),
    };
    copying.entries(from.as_fd(), to.map(AsFd::as_fd), Path::new(""), 0)?;
    Ok(copying.print)
}

struct Copying {
    owner: u32,
    user: Option<User>,
    device: u64,
    way: CopyWays,
    print: Print,
}

impl Copying {
    fn entries(
        &mut self,
        from: BorrowedFd<'_>,
        to: Option<BorrowedFd<'_>>,
        path: &Path,
        depth: usize,
    ) -> io::Result<()> {
        let mut read = rustix::fs::Dir::read_from(from)?;
        let names = super::dir::names(&mut read)?;
        drop(read);
        for name in names {
            let path = path.join(&name);
            if depth >= DEEPEST {
                return Err(unfit(&path, "is too deep"));
            }
            // A server that still runs, or was killed, is no state to start from.
            if name == "postmaster.pid" {
                return Err(unfit(&path, "is the mark of a server that runs"));
            }
            // Non-blocking: the user may have put a named pipe there, and `open` would wait for its
            // other end (`fifo(7)`).
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            match rustix::fs::openat(from, &name, flags, Mode::empty()) {
                Ok(file) => self.entry(&file, to, &name, &path, depth)?,
                // `NOFOLLOW` refuses a link with ELOOP.
                Err(Errno::LOOP) => self.link(from, to, &name, &path)?,
                // ENXIO: a socket can't be opened (`open(2)`).
                Err(Errno::NXIO) => return Err(unfit(&path, "is a socket")),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        file: &OwnedFd,
        to: Option<BorrowedFd<'_>>,
        name: &OsStr,
        path: &Path,
        depth: usize,
    ) -> io::Result<()> {
        // Looks at the open file, not at the name: another file may be there by now.
        let found = rustix::fs::fstat(file)?;
        if found.st_uid != self.owner {
            return Err(unfit(path, "belongs to another user"));
        }
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory if found.st_dev as u64 == self.device => {
                self.note(path, &found);
                let made = to.map(|to| enter(to, name, self.user)).transpose()?;
                let made = made.as_ref().map(AsFd::as_fd);
                self.entries(file.as_fd(), made, path, depth + 1)?;
                // The mode and the times come last: a new entry needs write permission, and changes
                // the times of its directory.
                made.map_or(Ok(()), |made| finish(made, &found))
            }
            FileType::Directory => Err(unfit(path, "is a mount")),
            // With a second name, a user could have root copy another user's file, and a copy would
            // lose the connection.
            FileType::RegularFile if found.st_nlink != 1 => Err(unfit(path, "has several names")),
            FileType::RegularFile => {
                self.note(path, &found);
                let Some(to) = to else { return Ok(()) };
                let new = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                let made = rustix::fs::openat(to, name, new, Mode::RUSR | Mode::WUSR)?;
                self.way.copy(file, &made, &found)?;
                if let Some(user) = self.user {
                    give(made.as_fd(), user)?;
                }
                finish(made.as_fd(), &found)
            }
            _ => Err(unfit(path, "is neither a file nor a directory")),
        }
    }

    fn link(
        &mut self,
        from: BorrowedFd<'_>,
        to: Option<BorrowedFd<'_>>,
        name: &OsStr,
        path: &Path,
    ) -> io::Result<()> {
        let found = rustix::fs::statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let target = rustix::fs::readlinkat(from, name, Vec::new())?;
        let target = Path::new(OsStr::from_bytes(target.as_bytes()));
        // Such a link would lead from each copy to the same place.
        if found.st_uid != self.owner || leads_out(path, target) {
            return Err(unfit(path, "is a link that leads out"));
        }
        self.print
            .add(path, [u64::from(found.st_mode), digest(target)]);
        let Some(to) = to else { return Ok(()) };
        rustix::fs::symlinkat(target, to, name)?;
        if let Some(user) = self.user {
            let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::chownat(to, name, Some(uid), Some(gid), flags)?;
        }
        let times = AtFlags::SYMLINK_NOFOLLOW;
        Ok(rustix::fs::utimensat(to, name, &times_of(&found), times)?)
    }

    fn note(&mut self, path: &Path, found: &Stat) {
        // The size of a directory depends on its history.
        let size = match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory => 0,
            _ => found.st_size as u64,
        };
        // Whole seconds: an archive may keep no more.
        let time = times_of(found).last_modification.tv_sec as u64;
        self.print.add(path, [found.st_mode.into(), size, time]);
    }
}

impl Print {
    fn add<const N: usize>(&mut self, path: &Path, facts: [u64; N]) {
        let mut hash = digest(path);
        for fact in facts {
            hash = mixed(hash, &fact.to_le_bytes());
        }
        self.entries += 1;
        // A sum, since directories list their entries in any order.
        self.digest = self.digest.wrapping_add(hash);
    }
}

/// Whether a link at `path` leads out of its tree.
fn leads_out(path: &Path, target: &Path) -> bool {
    let mut depth = path.components().count() - 1;
    target.components().any(|part| match part {
        Component::Normal(_) => {
            depth += 1;
            false
        }
        Component::CurDir => false,
        Component::ParentDir if depth > 0 => {
            depth -= 1;
            false
        }
        _ => true,
    })
}

/// Opens a directory in another, and makes it if it does not exist.
fn enter(at: BorrowedFd<'_>, name: &OsStr, user: Option<User>) -> io::Result<OwnedFd> {
    let made = match rustix::fs::mkdirat(at, name, Mode::RWXU) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(error) => return Err(error.into()),
    };
    // `OPEN` refuses a link, so a link that the user has put there is an error, not a way out.
    let dir = rustix::fs::openat(at, name, OPEN, Mode::empty())?;
    if let Some(user) = user.filter(|_| made) {
        give(dir.as_fd(), user)?;
    }
    Ok(dir)
}

/// Sets the mode and the times of a copy.
fn finish(made: BorrowedFd<'_>, found: &Stat) -> io::Result<()> {
    // The mode comes after the owner: a change of the owner clears the set-user-id and set-group-id
    // bits (`chown(2)`).
    rustix::fs::fchmod(made, Mode::from_raw_mode(found.st_mode & 0o7777))?;
    Ok(rustix::fs::futimens(made, &times_of(found))?)
}

#[allow(
    clippy::unnecessary_cast,
    reason = "the types of these fields differ between systems"
)]
fn times_of(found: &Stat) -> Timestamps {
    let time = |seconds: i64, nanoseconds: i64| Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds as _,
    };
    Timestamps {
        last_access: time(found.st_atime as i64, found.st_atime_nsec as i64),
        last_modification: time(found.st_mtime as i64, found.st_mtime_nsec as i64),
    }
}

fn unfit(path: &Path, why: &str) -> io::Error {
    let text = format!("`{}` {why}", path.display());
    io::Error::new(io::ErrorKind::InvalidData, text)
}

fn digest(path: &Path) -> u64 {
    mixed(0xcbf2_9ce4_8422_2325, path.as_os_str().as_bytes())
}

/// Continues a digest (FNV-1a). It is the same in each version of the standard library, unlike
/// `DefaultHasher`.
fn mixed(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Returns a digest of a text, for a file name.
pub(crate) fn digest_of(text: &[u8]) -> u64 {
    mixed(0xcbf2_9ce4_8422_2325, text)
}
