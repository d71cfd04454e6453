//! Claims on ports: locks on files (`flock(2)`), which end with their last holder. They count among
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
use crate::sys::rendezvous;

/// The prefix of the files' names.
const PREFIX: &str = "port-";
/// How often to make the file again, if another process removes it just before the lock.
const TRIES: usize = 100;

/// Reads the range of ephemeral ports, its first and its last one. The kernel takes a port from it
/// for a socket that asks for port 0.
pub(crate) fn ephemeral() -> Option<(u16, u16)> {
    let first = sysctl::number(c"net.inet.ip.portrange.first")?;
    let last = sysctl::number(c"net.inet.ip.portrange.last")?;
    Some((first.try_into().ok()?, last.try_into().ok()?))
}

/// The range that macOS has by default.
pub(crate) const EPHEMERAL: (u16, u16) = (49152, 65535);

/// Claims a port among all processes of this user that use summon. Returns `Ok(None)` if another
/// process holds the claim.
pub(crate) fn claim(
    port: u16,
    dir: impl FnOnce() -> io::Result<PathBuf>,
) -> io::Result<Option<OwnedFd>> {
    let path = path(port, &dir()?);
    for _ in 0..TRIES {
        // Open without truncating: the file may have a holder, whose pid is in it.
        let file = options().create(true).open(&path)?;
        // The lock belongs to the open file description, and ends with its last copy (`flock(2)`),
        // SIGKILL included. So a claim can't become stale.
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => return Ok(None),
            other => other?,
        }
        // Between `open` and `flock` another process may have removed the file, see `tidy`. Then
        // this lock is on a file without a name and protects nothing, since the next process makes
        // a new file. So compare, and try again.
        if is_at(&file, &path) {
            note_holder(&file, "");
            return Ok(Some(file.into()));
        }
    }
    Ok(None)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    // A link at the name must not make this process create or lock a file elsewhere.
    options.mode(0o600).custom_flags(libc::O_NOFOLLOW);
    options
}

fn path(port: u16, dir: &Path) -> PathBuf {
    dir.join(format!("{PREFIX}{port}"))
}

/// Whether the file still has that name.
fn is_at(file: &File, path: &Path) -> bool {
    let number = |found: io::Result<fs::Metadata>| found.ok().map(|it| (it.dev(), it.ino()));
    number(file.metadata()) == number(fs::symlink_metadata(path))
}

/// The mark of a fixture's guard, behind its pid.
const FIXTURE: &str = " fixture";

/// Writes the holder into the file.
fn note_holder(file: &File, mark: &str) {
    // A reader may see the file empty or in part. It then knows no pid, which it must expect
    // anyway.
    let _ = file.set_len(0);
    let _ = file.write_all_at(format!("{}{mark}", std::process::id()).as_bytes(), 0);
}

/// The holder of a claim on a port.
#[derive(Debug)]
pub(crate) struct Holder {
    /// The guard of the service, or the process that will start the guard. 0 if unknown.
    pub(crate) pid: u32,
    /// Whether it certainly belongs to another user. Always false, since the files are this user's.
    pub(crate) is_others: bool,
    /// Whether it is the guard of a fixture. Only this user can write that.
    pub(crate) is_fixture: bool,
    /// Always `None`: macOS does not report the end of a lock.
    pub(crate) connection: Option<OwnedFd>,
}

impl Holder {
    /// Whether the holder may have ended, so that the caller asks again.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.connection.is_none()
    }
}

/// Finds the holder of the claim on a port, and lets it know that a process waits. Returns `None`
/// if the claim was never taken.
pub(crate) fn holder(
    port: u16,
    dir: impl FnOnce() -> io::Result<PathBuf>,
) -> io::Result<Option<Holder>> {
    let file = match options().open(path(port, &dir()?)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    // The text may be from an earlier holder: a new one locks first, and writes then.
    let mut text = [0; 32];
    let length = file.read_at(&mut text, 0)?;
    let text = std::str::from_utf8(&text[..length]).unwrap_or_default();
    let pid = text.strip_suffix(FIXTURE);
    // This changes the file's attributes, and the guard watches for that, see `sign`. Opening the
    // file needs no lock, so a waiter never keeps the claim itself.
    let _ = file.set_modified(SystemTime::now());
    Ok(Some(Holder {
        pid: pid.unwrap_or(text).parse().unwrap_or(0),
        is_others: false,
        is_fixture: pid.is_some(),
        connection: None,
    }))
}

/// Finds a process that holds the claim. Always `None`: macOS does not reveal the owner of a lock.
pub(crate) fn keeper(_port: u16) -> Option<u32> {
    None
}

/// Describes the claim on a port for messages.
pub(crate) fn what_is_claimed(port: u16) -> String {
    format!("the lock on a file `{PREFIX}{port}`")
}

/// A claim that shows this process as its holder.
pub(crate) struct Signed {
    claim: File,
    is_marked: bool,
    wanted: Option<Kqueue>,
}

/// Makes this process the visible holder of a claim that it has received.
pub(crate) fn sign(claim: OwnedFd) -> Signed {
    let claim = File::from(claim);
    note_holder(&claim, "");
    Signed {
        wanted: None,
        is_marked: false,
        claim,
    }
}

impl Signed {
    /// The descriptors for the guard of a fixture to poll. When one is ready, call [`Signed::meet`].
    pub(crate) fn watched(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let wanted = self.wanted.iter();
        wanted.map(|wanted| (wanted.as_fd(), PollFlags::IN))
    }

    /// Says to all waiters that this is the guard of a fixture, and begins to watch for waiters.
    pub(crate) fn meet(&mut self) {
        if self.is_marked {
            return;
        }
        self.is_marked = true;
        // Write before the watch is set, so that this process's own write can't wake it.
        note_holder(&self.claim, FIXTURE);
        let listen = || {
            let queue = Kqueue::new()?;
            queue.add(&Wanted::Attributes(self.claim.as_raw_fd()))?;
            io::Result::Ok(queue)
        };
        // Without a queue the claim still holds. Only waiters go unnoticed.
        self.wanted = listen().ok();
    }

    /// Whether another process of this user waits for the claim. Only this user can touch the file.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted
            .as_ref()
            // Polling leaves the event in the queue, so the answer stays true once a process has
            // asked.
            .is_some_and(crate::sys::wait::is_readable)
    }
}

/// Removes the file of a claim or a rendezvous, if it is one and unused.
pub(crate) fn tidy(path: &Path) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if !name.starts_with(PREFIX) {
        return rendezvous::tidy(path);
    }
    let Ok(file) = options().open(path) else {
        return;
    };
    // Remove under the lock. A process that opened the file before finds after its own lock that
    // the file has no name, see `claim`. Without the lock, this could remove the file of a claim
    // just taken, and two processes could then hold the port.
    let locked = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive);
    if locked.is_ok() && is_at(&file, path) {
        let _ = fs::remove_file(path);
    }
}
