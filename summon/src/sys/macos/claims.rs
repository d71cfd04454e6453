//! Claims on ports: locks on files (`flock(2)`), which end with their last holder. They hold among
//! the processes of one user, since the files are in that user's directory.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::event::PollFlags;
use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::kqueue::{Kqueue, Wanted};
use super::sysctl;
use crate::sys::meeting;

/// With what the names of the files begin.
const PREFIX: &str = "port-";
/// Somebody who tidies may remove a file just before it is locked; so often it is made again.
const TRIES: usize = 100;

/// The ports that the kernel gives to whoever asks for none in particular: from the first to the
/// last.
pub(crate) fn ephemeral() -> Option<(u16, u16)> {
    let first = sysctl::number(c"net.inet.ip.portrange.first")?;
    let last = sysctl::number(c"net.inet.ip.portrange.last")?;
    Some((first.try_into().ok()?, last.try_into().ok()?))
}

/// What that is unless somebody has changed it.
pub(crate) const EPHEMERAL: (u16, u16) = (49152, 65535);

/// Claims a port among all of this user who use summon. `Ok(None)` means that somebody else has
/// it.
pub(crate) fn claim(
    port: u16,
    dir: impl FnOnce() -> io::Result<PathBuf>,
) -> io::Result<Option<OwnedFd>> {
    let path = path(port, &dir()?);
    for _ in 0..TRIES {
        let file = options().create(true).open(&path)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => return Ok(None),
            other => other?,
        }
        if is_at(&file, &path) {
            note_holder(&file);
            return Ok(Some(file.into()));
        }
    }
    Ok(None)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    options.mode(0o600).custom_flags(libc::O_NOFOLLOW);
    options
}

fn path(port: u16, dir: &Path) -> PathBuf {
    dir.join(format!("{PREFIX}{port}"))
}

/// Whether the file is still the one of that name.
fn is_at(file: &File, path: &Path) -> bool {
    let number = |found: io::Result<fs::Metadata>| found.ok().map(|it| (it.dev(), it.ino()));
    number(file.metadata()) == number(fs::symlink_metadata(path))
}

/// Says in the file who holds it, for people to read.
fn note_holder(file: &File) {
    let _ = file.set_len(0);
    let _ = file.write_all_at(std::process::id().to_string().as_bytes(), 0);
}

/// Who has claimed a port.
#[derive(Debug)]
pub(crate) struct Holder {
    /// The guard of the service, or else the process that will have one started; 0 if it can't be
    /// told.
    pub(crate) pid: u32,
    /// It is certainly another user's: none is, since the files are this user's.
    pub(crate) is_others: bool,
    /// Nothing tells here that a lock has ended.
    pub(crate) ended: Option<OwnedFd>,
}

impl Holder {
    /// Whether it is to be asked for again: it may have ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.is_none()
    }
}

/// Says who holds the claim on a port, and lets it know that somebody wants it: `None` if nobody
/// ever did.
pub(crate) fn holder(
    port: u16,
    dir: impl FnOnce() -> io::Result<PathBuf>,
) -> io::Result<Option<Holder>> {
    let file = match options().open(path(port, &dir()?)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut pid = [0; 16];
    let length = file.read_at(&mut pid, 0)?;
    let pid = std::str::from_utf8(&pid[..length]).ok();
    // A change of attributes is what a guard listens for, see `sign`.
    let _ = file.set_modified(SystemTime::now());
    Ok(Some(Holder {
        pid: pid.and_then(|pid| pid.parse().ok()).unwrap_or(0),
        is_others: false,
        ended: None,
    }))
}

/// Some process that holds the claim on a port: the system does not tell who has locked a file.
pub(crate) fn keeper(_port: u16) -> Option<u32> {
    None
}

/// What a claim on a port is, for people.
pub(crate) fn what_is_claimed(port: u16) -> String {
    format!("the lock on a file `{PREFIX}{port}`")
}

/// A claim of which others see this process as the holder.
pub(crate) struct Signed {
    _claim: File,
    wanted: Option<Kqueue>,
}

/// Makes this process the one that others see as the holder of a claim that it was given.
pub(crate) fn sign(claim: OwnedFd) -> Signed {
    let claim = File::from(claim);
    note_holder(&claim);
    let listen = || {
        let queue = Kqueue::new()?;
        queue.add(&Wanted::Attributes(claim.as_raw_fd()))?;
        io::Result::Ok(queue)
    };
    Signed {
        wanted: listen().ok(),
        _claim: claim,
    }
}

impl Signed {
    /// What to wait for: then [`Signed::is_wanted`] has something to look at.
    pub(crate) fn watched(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let wanted = self.wanted.iter();
        wanted.map(|wanted| (wanted.as_fd(), PollFlags::IN))
    }

    /// Whether another process of this user waits for it: only this user's can touch the file.
    pub(crate) fn is_wanted(&mut self) -> bool {
        self.wanted
            .as_ref()
            .is_some_and(crate::sys::wait::is_readable)
    }
}

/// Removes what was for claims and meetings, if it is that and nobody has it.
pub(crate) fn tidy(path: &Path) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if !name.starts_with(PREFIX) {
        return meeting::tidy(path);
    }
    let Ok(file) = options().open(path) else {
        return;
    };
    // Under the lock: who opened it before finds that it is not there any more, see `claim`.
    let locked = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive);
    if locked.is_ok() && is_at(&file, path) {
        let _ = fs::remove_file(path);
    }
}
