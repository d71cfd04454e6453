//! Claims on ports: Unix sockets with abstract names (`unix(7)`).

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::diag::Diag;
use super::peer::{is_ours, peer};
use super::{proc, sockets, unix_sockets};
use crate::sys::users::user;
use crate::sys::{meeting, wait};

/// Reads the range of ephemeral ports, its first and its last one (`ip_local_port_range` in
/// `ip(7)`). The kernel takes a port from it for a socket that asks for port 0.
pub(crate) fn ephemeral() -> Option<(u16, u16)> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ends = text.split_ascii_whitespace().map(str::parse);
    Some((ends.next()?.ok()?, ends.next()?.ok()?))
}

/// The range that Linux has by default.
pub(crate) const EPHEMERAL: (u16, u16) = (32768, 60999);

/// Claims a port among all users of summon in this network namespace. The claim is a Unix socket
/// with an abstract name (`unix(7)`): the name exists once, and is free when its last holder ends.
/// Returns `Ok(None)` if another process holds the claim. Other systems keep claims in a directory.
pub(crate) fn claim(
    port: u16,
    _dir: impl FnOnce() -> io::Result<PathBuf>,
) -> io::Result<Option<OwnedFd>> {
    let name = UnixAddr::from_abstract_name(claim_name(port))?;
    // `bind` is the atomic step: of two processes that ask at once, one gets the name and the other
    // `EADDRINUSE`. The kernel frees the name with the last descriptor, after SIGKILL too, so a
    // claim can't become stale.
    match UnixListener::bind_addr(&name) {
        Ok(listener) => Ok(Some(listener.into())),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
        Err(error) => Err(error),
    }
}

/// The holder of a claim on a port.
#[derive(Debug)]
pub(crate) struct Holder {
    /// The guard of the service, or the process that will start the guard. 0 if unknown.
    pub(crate) pid: u32,
    /// Whether it certainly belongs to another user.
    pub(crate) is_others: bool,
    /// Readable when the last holder has ended. `None` if too many processes wait already.
    pub(crate) ended: Option<OwnedFd>,
}

impl Holder {
    /// Whether the holder has ended since [`holder`] found it.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.as_ref().is_none_or(wait::is_readable)
    }
}

/// Finds the holder of the claim on a port. Returns `None` if the claim is free.
pub(crate) fn holder(
    port: u16,
    _dir: impl FnOnce() -> io::Result<PathBuf>,
) -> io::Result<Option<Holder>> {
    let socket = sockets::socket(AddressFamily::UNIX, SocketType::STREAM)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    let name = SocketAddrUnix::new_abstract_name(claim_name(port).as_bytes())?;
    // The connection waits in the listener's queue. The kernel closes it when the last holder ends,
    // so a waiter can poll it and needs no other sign. A guard accepts it only to see its process.
    match rustix::net::connect(&socket, &name) {
        Ok(()) => {
            // The kernel recorded the holder at its last `listen` (`SO_PEERCRED`). Its pid may be
            // reused by now, so callers only look at that process.
            let peer = peer(&socket)?;
            Ok(Some(Holder {
                pid: peer.pid,
                is_others: peer.uid != user(),
                ended: Some(socket),
            }))
        }
        // A non-blocking `connect` fails with `EAGAIN` when the listener's queue is full
        // (`connect(2)`). So the claim is held, but this process can't wait on a connection. A
        // stranger can take the name with a short queue and fill it, and is not waited for long.
        Err(Errno::AGAIN) => Ok(Some(Holder {
            pid: 0,
            is_others: claimed(port)
                .is_some_and(|(_, maker)| maker.is_some_and(|maker| maker != user())),
            ended: None,
        })),
        // The kernel refuses a connection to an abstract name that no socket has.
        Err(Errno::CONNREFUSED) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Finds a process that holds the claim on a port, if one is visible. Use it only for error
/// messages.
pub(crate) fn keeper(port: u16) -> Option<u32> {
    // First the socket with the claim's name, then a process with that socket. Both may change in
    // between, so the answer may be wrong or missing.
    let (inode, _) = claimed(port)?;
    proc::holder_of_socket(inode)
}

/// Finds the socket of the claim on a port, and its user, if the kernel names the user.
fn claimed(port: u16) -> Option<(proc::SocketId, Option<u32>)> {
    unix_sockets::of_name(&Diag::open().ok()?, claim_name(port).as_bytes()).ok()?
}

/// Describes the claim on a port for messages.
pub(crate) fn what_is_claimed(port: u16) -> String {
    format!("the name `@{}`", claim_name(port))
}

/// A claim that shows this process as its holder.
pub(crate) struct Signed {
    claim: OwnedFd,
    /// Accepted connections. They stay open, since their end tells the waiters that the claim has
    /// ended.
    waiting: Vec<OwnedFd>,
}

/// The most connections to accept in one call, and to keep for other users.
const MOST: usize = 64;

/// Makes this process the visible holder of a claim that it has received.
pub(crate) fn sign(claim: OwnedFd) -> Signed {
    // A socket's peers see the process that called `listen` last (`SO_PEERCRED` in `unix(7)`).
    // Without this call they would see the test process, which may end before its guard. The call
    // fails on a descriptor that is not a socket, which does no harm. The queue holds the waiters,
    // and only `is_wanted` accepts them.
    let _ = rustix::net::listen(&claim, 4096);
    // `is_wanted` accepts until the queue is empty. In blocking mode that last `accept` would stop
    // the guard.
    let _ = rustix::io::ioctl_fionbio(&claim, true);
    Signed {
        claim,
        waiting: Vec::new(),
    }
}

impl Signed {
    /// The descriptors to poll. When one is ready, call [`Signed::is_wanted`].
    pub(crate) fn watched(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let claim = (self.claim.as_fd(), PollFlags::IN);
        // `poll` always reports `POLLHUP`, so a waiter that gives up needs no event (`poll(2)`).
        let waiting = self.waiting.iter();
        let waiting = waiting.map(|socket| (socket.as_fd(), PollFlags::empty()));
        std::iter::once(claim).chain(waiting)
    }

    /// Whether another process of this user has begun to wait for the end of the claim. Drops the
    /// connections of waiters that have given up.
    pub(crate) fn is_wanted(&mut self) -> bool {
        // Drop closed connections first: they count against `MOST`.
        self.waiting.retain(is_connected);
        // An abstract name has no permissions (`unix(7)`), so every user can connect. `MOST` bounds
        // both the time that a flood of connections takes here, and the descriptors that it costs.
        for _ in 0..MOST {
            let Ok(socket) = rustix::net::accept_with(&self.claim, SocketFlags::CLOEXEC) else {
                return false;
            };
            if !is_connected(&socket) {
                continue;
            }
            // The kernel recorded the user at `connect`, so a waiter can't pretend to be another
            // one.
            let is_users = peer(&socket).is_ok_and(|peer| is_ours(peer.uid));
            if is_users || self.waiting.len() < MOST {
                self.waiting.push(socket);
            }
            if is_users {
                return true;
            }
        }
        false
    }
}

/// Whether the other end of a connection is open.
fn is_connected(socket: &OwnedFd) -> bool {
    let mut polled = [PollFd::new(socket, PollFlags::empty())];
    // Without a requested event `poll` reports only an error or a hang-up. 0 means neither.
    rustix::event::poll(&mut polled, Some(&Timespec::default())) == Ok(0)
}

/// Removes the meeting files from the user's directory if they are unused. Claims leave no files.
pub(crate) fn tidy(path: &Path) {
    meeting::tidy(path);
}

fn claim_name(port: u16) -> String {
    format!("summon-port-{port}")
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_round_accepts_no_more_than_so_many_connections() {
        let name = UnixAddr::from_abstract_name(format!("summon-test-{}", std::process::id()));
        let name = name.unwrap();
        let claim = UnixListener::bind_addr(&name).unwrap();
        let mut signed = sign(claim.into());
        let connect = || UnixStream::connect_addr(&name).unwrap();
        for _ in 0..MOST {
            drop(connect());
        }
        let _waiter = connect();
        // A round that did not end with these would reach the waiter behind them.
        assert!(!signed.is_wanted());
        assert!(signed.is_wanted());
    }
}
