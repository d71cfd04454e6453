//! The rendezvous of processes that share a service, a Unix socket in the user's directory. The
//! first process binds it and has the service started. Then the guard of the service answers there.
//!
//! The directory proves the identity of both sides: only this user can make a socket there, or
//! connect to one. An abstract name would prove nothing, since any user may take it. A uid would
//! not either: in a user namespace all unmapped users have the same one.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::dir::Dir;
use super::locks::Lock;
use super::peer::peer;
use super::{sockets, wait};

/// The suffix of the sockets' names.
const SUFFIX: &str = ".meet";
/// A holder keeps the lock for a few system calls. A longer wait means that the holder is halted.
const LOCK_LIMIT: Duration = Duration::from_secs(10);
/// No system has a lock with a time-out, and a warden must not start a thread that waits in its place.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// The role of a process at a rendezvous.
#[derive(Debug)]
pub(crate) enum Role {
    /// The first process. No other can be first until the rendezvous socket and its copies are
    /// closed.
    First(Bound),
    /// A later process. The first one's guard answers here.
    Later(Connected),
    /// The first process or its guard has just ended. Ask again.
    Unclear,
}

/// The rendezvous socket, as the first process holds it.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) path: PathBuf,
    socket: OwnedFd,
    is_guards: bool,
}

/// A connection to the first process, or to its guard.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) stream: UnixStream,
    /// The process that was first, or 0 if unknown.
    pub(crate) pid: u32,
}

/// Meets at the rendezvous `name` in the user's directory.
pub(crate) fn meet(base: &Path, name: &str) -> io::Result<Role> {
    // Held until this function returns. To other processes the `connect`, the removal, and the
    // `bind` are one step, so two processes can't both be first.
    let lock = lock(base)?;
    let name = format!("{name}{SUFFIX}");
    let (path, address) = (base.join(&name), sockets::path_in(&lock, base, &name));
    match UnixStream::connect(&address) {
        Ok(stream) => return later(stream),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // The guard that listened has ended and left the file. The lock keeps other processes from
        // binding the name between the removal and the `bind` below. A full queue may refuse too,
        // but guards accept at once, and a queue has room for more processes than a run has.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(&path)?,
        Err(error) => return Err(error),
    }
    // The socket listens before the lock is released. A later process connects at once, and waits
    // in the queue until the guard answers.
    let socket = UnixListener::bind(&address)?.into();
    Ok(Role::First(Bound {
        path,
        socket,
        is_guards: false,
    }))
}

/// Makes the role of a later process.
fn later(stream: UnixStream) -> io::Result<Role> {
    match peer(&stream) {
        // Root can make a socket in any directory, so check the user too.
        Ok(peer) if peer.uid == super::users::user() => Ok(Role::Later(Connected {
            stream,
            pid: peer.pid,
        })),
        Ok(_) => Err(io::Error::other("another user of this machine sits there")),
        // The guard has ended since the `connect`, and its end is closed.
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(Role::Unclear),
        Err(error) => Err(error),
    }
}

impl Bound {
    /// Copies the socket, for a guard to answer on.
    pub(crate) fn share(&self) -> io::Result<OwnedFd> {
        // Both descriptors are the same socket with one queue. A client that connects before the
        // guard takes over is not lost.
        self.socket.try_clone()
    }

    /// Leaves the socket to a guard, which removes it at its end.
    pub(crate) fn leave_to_guard(mut self) {
        self.is_guards = true;
    }
}

impl Drop for Bound {
    /// Gives the rendezvous up.
    fn drop(&mut self) {
        // While this socket is open, `connect` succeeds and no other process binds the name. So the
        // file at the path is still this one's.
        if !self.is_guards {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Takes the lock on the directory. Under it, no process removes a socket that another has just
/// bound.
fn lock(base: &Path) -> io::Result<OwnedFd> {
    // The parent's path may end in a link, which `.` resolves. `base` itself must be a directory.
    let parent = Dir::open(&base.parent().unwrap_or(base).join("."))?;
    let name = base.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let until = Instant::now() + LOCK_LIMIT;
    loop {
        // Without blocking: a halted holder would stop this test for ever.
        if let Some(lock) = parent.enter_locked(name, Lock::Nobody)? {
            return Ok(lock.into());
        }
        if Instant::now() >= until {
            let base = base.display();
            let why = format!("another process has locked {base} for {LOCK_LIMIT:?}");
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        wait::sleep(&[], Some(Instant::now() + LOOK_AGAIN))?;
    }
}

/// Removes the socket of an ended service, if `path` is such a socket.
pub(super) fn tidy(path: &Path) {
    let (Some(base), Some(name)) = (path.parent(), path.file_name()) else {
        return;
    };
    let name = name.to_string_lossy();
    if !name.ends_with(SUFFIX) {
        return;
    }
    let Ok(lock) = lock(base) else { return };
    // Only a refused `connect` proves that no process listens. The lock makes it safe: between the
    // `connect` and the removal no process can bind the name anew.
    let connected = UnixStream::connect(sockets::path_in(&lock, base, &name));
    if connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(base: &Path) -> Bound {
        match meet(base, "fixture").unwrap() {
            Role::First(bound) => bound,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_rendezvous_is_free_again_when_the_first_process_has_ended() {
        let home =
            crate::session::Home::create("rendezvous", None, crate::sys::users::Access::PRIVATE)
                .unwrap();
        // Longer than the address of a socket.
        let base = home.dir().join("long".repeat(30));
        fs::create_dir(&base).unwrap();
        let bound = first(&base);
        match meet(&base, "fixture").unwrap() {
            Role::Later(other) => assert_eq!(other.pid, std::process::id()),
            other => panic!("{other:?}"),
        }
        tidy(&bound.path);
        assert!(bound.path.exists());
        // A killed process leaves it like this.
        let path = bound.path.clone();
        bound.leave_to_guard();
        assert!(path.exists());
        drop(first(&base));
        assert!(!path.exists());
        first(&base).leave_to_guard();
        tidy(&path);
        assert!(!path.exists());
    }
}
