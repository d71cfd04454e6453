//! Where processes that share a service meet: a Unix socket in the user's directory. The first one
//! binds it and has the service started; the guard of the service then answers there.
//!
//! The directory proves to each side who the other is: only this user can make a socket there, or
//! connect to one. A name that anybody may take would not prove that, nor would a user's number,
//! since in a user namespace all users who are not mapped have the same one.

use std::fs;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::dir::Dir;
use super::fd::OwnedFd;
use super::peer::peer;
use super::{Lock, sockets, wait};

/// How the names of the sockets end.
const SUFFIX: &str = ".meet";
/// Others hold the lock for a few system calls; one that holds it longer has been halted.
const LOCK_LIMIT: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Who one turned out to be.
#[derive(Debug)]
pub(crate) enum Role {
    /// The first: nobody else will be, until the place's socket and its copies are closed.
    First(Place),
    /// Another was, and its guard answers here.
    Later(Other),
    /// Another has just ceased to be: ask again.
    Unclear,
}

/// The place of the first one.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    socket: OwnedFd,
    is_guards: bool,
}

/// A connection to the first one, or to its guard.
#[derive(Debug)]
pub(crate) struct Other {
    pub(crate) stream: UnixStream,
    /// The process that was the first; 0 if it can't be told.
    pub(crate) pid: u32,
}

/// Meets at a place of that name in the user's directory.
pub(crate) fn meet(base: &Path, name: &str) -> io::Result<Role> {
    let lock = lock(base)?;
    let name = format!("{name}{SUFFIX}");
    let (path, address) = (base.join(&name), sockets::path_in(&lock, base, &name));
    match UnixStream::connect(&address) {
        Ok(stream) => return later(stream),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // Its guard has ended. The lock keeps others from binding it between the two steps. One with
        // a full queue may refuse too, but guards accept at once, and no run has as many processes
        // as a queue has room for.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(&path)?,
        Err(error) => return Err(error),
    }
    let socket = UnixListener::bind(&address)?.into();
    Ok(Role::First(Place {
        path,
        socket,
        is_guards: false,
    }))
}

/// Another was first.
fn later(stream: UnixStream) -> io::Result<Role> {
    match peer(&stream) {
        Ok(peer) if peer.uid == super::user() => Ok(Role::Later(Other {
            stream,
            pid: peer.pid,
        })),
        Ok(_) => Err(io::Error::other("another user of this machine sits there")),
        // Its guard has ended since, and with it the other end.
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(Role::Unclear),
        Err(error) => Err(error),
    }
}

impl Place {
    /// A copy of the socket, for a guard to answer at.
    pub(crate) fn share(&self) -> io::Result<OwnedFd> {
        self.socket.try_clone()
    }

    /// Leaves it to a guard, which removes it at its end.
    pub(crate) fn leave_to_guard(mut self) {
        self.is_guards = true;
    }
}

impl Drop for Place {
    /// Gives it up. While its socket is open nobody else binds the name, so the file is this one's.
    fn drop(&mut self) {
        if !self.is_guards {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The lock on the directory, so that nobody removes the socket that another has just bound.
fn lock(base: &Path) -> io::Result<OwnedFd> {
    let parent = Dir::open(&base.parent().unwrap_or(base).join("."))?;
    let name = base.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let until = Instant::now() + LOCK_LIMIT;
    loop {
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

/// Removes the socket of a service that has ended, if it is one.
pub(super) fn tidy(path: &Path) {
    let (Some(base), Some(name)) = (path.parent(), path.file_name()) else {
        return;
    };
    let name = name.to_string_lossy();
    if !name.ends_with(SUFFIX) {
        return;
    }
    let Ok(lock) = lock(base) else { return };
    let connected = UnixStream::connect(sockets::path_in(&lock, base, &name));
    if connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(base: &Path) -> Place {
        match meet(base, "fixture").unwrap() {
            Role::First(place) => place,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_place_is_had_again_when_the_first_one_has_ended() {
        let home =
            crate::session::Home::create("meeting", None, crate::sys::users::Access::PRIVATE)
                .unwrap();
        // Longer than the address of a socket.
        let base = home.dir().join("long".repeat(30));
        fs::create_dir(&base).unwrap();
        let place = first(&base);
        match meet(&base, "fixture").unwrap() {
            Role::Later(other) => assert_eq!(other.pid, std::process::id()),
            other => panic!("{other:?}"),
        }
        tidy(&place.path);
        assert!(place.path.exists());
        // As a process that is killed leaves it.
        let path = place.path.clone();
        place.leave_to_guard();
        assert!(path.exists());
        drop(first(&base));
        assert!(!path.exists());
        first(&base).leave_to_guard();
        tidy(&path);
        assert!(!path.exists());
    }
}
