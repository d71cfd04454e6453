//! Where processes that share a service meet: a Unix socket in the user's directory. Whoever binds
//! it first has the service started; the guard of the service then answers there.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use rustix::fs::FlockOperation;

use super::peer::peer;

/// How the names of the sockets end.
const SUFFIX: &str = ".meet";

/// Who one turned out to be.
#[derive(Debug)]
pub(crate) enum Role {
    /// The first: nobody else will be, until this socket and its copies are closed.
    First(OwnedFd),
    /// Another was, and its guard answers here.
    Later(UnixStream),
    /// Another has just ceased to be: ask again.
    Unclear,
}

/// Meets at a place that is named so.
pub(crate) fn meet(name: &str) -> io::Result<Role> {
    let base = crate::session::base()?;
    // So that nobody removes the socket that another has just bound.
    let _lock = lock(&base)?;
    let path = base.join(format!("{name}{SUFFIX}"));
    match UnixStream::connect(&path) {
        Ok(stream) => return later(stream),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // Its guard has ended. One with a full queue refuses too, but guards accept at once, and
        // there are not as many processes in a run as fit into a queue.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(&path)?,
        Err(error) => return Err(error),
    }
    Ok(Role::First(UnixListener::bind(&path)?.into()))
}

/// Another was first.
fn later(stream: UnixStream) -> io::Result<Role> {
    match peer(&stream) {
        Ok(peer) if peer.uid == crate::sys::user() => Ok(Role::Later(stream)),
        Ok(_) => Err(io::Error::other("another user of this machine sits there")),
        // Its guard has ended since, and with it the other end.
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(Role::Unclear),
        Err(error) => Err(error),
    }
}

/// Held for a few system calls only.
fn lock(base: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    options.mode(0o600).custom_flags(libc::O_NOFOLLOW);
    let file = options.open(base.join(".meetings"))?;
    rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
    Ok(file)
}

/// Removes the socket of a service that has ended, if it is one.
pub(super) fn tidy(path: &Path) {
    if !path.to_string_lossy().ends_with(SUFFIX) {
        return;
    }
    let Some(Ok(_lock)) = path.parent().map(lock) else {
        return;
    };
    let connected = UnixStream::connect(path);
    if connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
        let _ = fs::remove_file(path);
    }
}
