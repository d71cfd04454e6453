//! Claims on ports: Unix sockets with abstract names (`unix(7)`).

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener};
use std::path::{Path, PathBuf};

use once_cell::race::OnceBox;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::diag::Diag;
use super::peer::{is_ours, peer};
use super::{proc, sockets, unix_sockets};
use crate::sys::rendezvous;
use crate::sys::users::user;

/// Returns the range of ephemeral ports, its first and its last one (`ip_local_port_range` in
/// `ip(7)`). The kernel takes a port from it for a socket that asks for port 0.
pub(crate) fn ephemeral() -> Option<(u16, u16)> {
    // Read once. A process may enter a network namespace with another range. Then this range only
    // makes a worse choice, since `is_free` decides on each port.
    static RANGE: OnceBox<Option<(u16, u16)>> = OnceBox::new();
    *RANGE.get_or_init(|| Box::new(read_ephemeral()))
}

fn read_ephemeral() -> Option<(u16, u16)> {
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
    /// Whether it has said that it is the guard of a fixture.
    pub(crate) is_fixture: bool,
    /// The connection that the kernel closes when the last holder ends. `None` if too many
    /// processes wait already.
    pub(crate) connection: Option<OwnedFd>,
}

impl Holder {
    /// Reads what the holder has said. Returns whether the last holder has ended, or whether that
    /// can't be seen.
    pub(crate) fn has_ended(&mut self) -> bool {
        let Some(connection) = &self.connection else {
            return true;
        };
        let mut said = [0; 8];
        // Any user can take the name of a claim and send without end, so the number of reads is
        // limited. The wait for the port has a deadline.
        for _ in 0..READS {
            match rustix::io::read(connection, &mut said) {
                Ok(0) => return true,
                // Only this user's word counts.
                Ok(length) => {
                    let is_said = said[..length].contains(&FIXTURE);
                    self.is_fixture |= is_said && !self.is_others;
                }
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => return false,
                Err(_) => return true,
            }
        }
        false
    }
}

/// The maximum number of reads in one look. A guard sends one byte in all.
const READS: usize = 16;

/// The byte that the guard of a fixture sends to each waiting process of its user.
const FIXTURE: u8 = b'F';

/// Finds the holder of the claim on a port. Returns `None` if the claim is free.
pub(crate) fn holder(
    port: u16,
    _dir: impl FnOnce() -> io::Result<PathBuf>,
) -> io::Result<Option<Holder>> {
    let socket = sockets::socket(AddressFamily::UNIX, SocketType::STREAM)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    let name = SocketAddrUnix::new_abstract_name(claim_name(port).as_bytes())?;
    // The connection waits in the listener's queue, and ends with the last holder. So a waiter can poll
    // it and needs no other sign. Only the guard of a fixture accepts it, and answers with a byte.
    match rustix::net::connect(&socket, &name) {
        Ok(()) => {
            // The kernel recorded the holder at its last `listen` (`SO_PEERCRED`). Its pid may be
            // reused by now, so callers only look at that process.
            let peer = peer(&socket)?;
            Ok(Some(Holder {
                pid: peer.pid,
                is_others: peer.uid != user(),
                is_fixture: false,
                connection: Some(socket),
            }))
        }
        // A non-blocking `connect` fails with `EAGAIN` when the listener's queue is full
        // (`connect(2)`). So the claim is held, but this process can't wait on a connection. A
        // stranger can take the name with a short queue and fill it, and is not waited for long.
        Err(Errno::AGAIN) => Ok(Some(Holder {
            pid: 0,
            is_others: claimed(port)
                .is_some_and(|(_, maker)| maker.is_some_and(|maker| maker != user())),
            is_fixture: false,
            connection: None,
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
    /// Accepted connections of this user's processes, which wait for the claim. They stay open,
    /// since their end tells the waiters that the claim has ended.
    waiting: Vec<OwnedFd>,
    /// Accepted connections of other users.
    others: Vec<OwnedFd>,
}

/// The most connections to accept in one call, and to keep for this user and for the others.
const MOST: usize = 64;

/// Makes this process the visible holder of a claim that it has received.
pub(crate) fn sign(claim: OwnedFd) -> Signed {
    // A socket's peers see the process that called `listen` last (`SO_PEERCRED` in `unix(7)`).
    // Without this call they would see the test process, which may end before its guard. The call
    // fails on a descriptor that is not a socket, which does no harm. The queue holds the waiters,
    // and only `meet` accepts them.
    let _ = rustix::net::listen(&claim, 4096);
    // `meet` accepts until the queue is empty. In blocking mode that last `accept` would stop the
    // guard.
    let _ = rustix::io::ioctl_fionbio(&claim, true);
    Signed {
        claim,
        waiting: Vec::new(),
        others: Vec::new(),
    }
}

impl Signed {
    /// The descriptors for the guard of a fixture to poll. When one is ready, call [`Signed::meet`].
    pub(crate) fn watched(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        // Further waiters stay in the queue until one of the accepted ones gives up.
        let has_room = self.waiting.len() < MOST;
        let claim = has_room.then(|| (self.claim.as_fd(), PollFlags::IN));
        // `poll` always reports `POLLHUP`, so a waiter that gives up needs no event (`poll(2)`).
        let all = self.waiting.iter().chain(&self.others);
        let all = all.map(|socket| (socket.as_fd(), PollFlags::empty()));
        claim.into_iter().chain(all)
    }

    /// Says to new waiters of this user that this is the guard of a fixture. Drops the connections
    /// of waiters that have given up.
    pub(crate) fn meet(&mut self) {
        // Drop closed connections first: they count against `MOST`.
        self.waiting.retain(is_connected);
        self.others.retain(is_connected);
        // An abstract name has no permissions (`unix(7)`), so every user can connect. `MOST` bounds
        // both the time that a flood of connections takes here, and the descriptors that it costs.
        for _ in 0..MOST {
            if self.waiting.len() >= MOST {
                return;
            }
            let Ok(socket) = rustix::net::accept_with(&self.claim, SocketFlags::CLOEXEC) else {
                return;
            };
            // The kernel recorded the user at `connect`, so a waiter can't pretend to be another one.
            // Other users get no answer about this user's services.
            if peer(&socket).is_ok_and(|peer| is_ours(peer.uid)) {
                // The buffer of a new connection is empty, so this can't block. A waiter that has
                // given up must not cost a signal.
                if rustix::net::send(&socket, &[FIXTURE], sockets::SEND).is_ok() {
                    self.waiting.push(socket);
                }
            } else if self.others.len() < MOST {
                self.others.push(socket);
            }
        }
    }

    /// Whether another process of this user waits for the end of the claim.
    pub(crate) fn is_wanted(&self) -> bool {
        self.waiting.iter().any(is_connected)
    }
}

/// Whether the other end of a connection is open.
fn is_connected(socket: &OwnedFd) -> bool {
    let mut polled = [PollFd::new(socket, PollFlags::empty())];
    // Without a requested event `poll` reports only an error or a hang-up. 0 means neither.
    rustix::event::poll(&mut polled, Some(&Timespec::default())) == Ok(0)
}

/// Removes the rendezvous sockets from the user's directory if they are unused. Claims leave no files.
pub(crate) fn tidy(path: &Path) {
    rendezvous::tidy(path);
}

fn claim_name(port: u16) -> String {
    format!("summon-port-{port}")
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn claim(name: &str) -> (UnixAddr, Signed) {
        let name = format!("summon-test-{name}-{}", std::process::id());
        let name = UnixAddr::from_abstract_name(name).unwrap();
        let claim = UnixListener::bind_addr(&name).unwrap();
        (name, sign(claim.into()))
    }

    fn wait_for(name: &UnixAddr) -> Holder {
        let connection = UnixStream::connect_addr(name).unwrap();
        connection.set_nonblocking(true).unwrap();
        Holder {
            pid: 1,
            is_others: false,
            is_fixture: false,
            connection: Some(connection.into()),
        }
    }

    #[test]
    fn a_round_accepts_no_more_than_so_many_connections() {
        let (name, mut signed) = claim("round");
        for _ in 0..MOST {
            drop(wait_for(&name));
        }
        let _waiter = wait_for(&name);
        // A round that did not end with these would reach the waiter behind them.
        signed.meet();
        assert!(!signed.is_wanted());
        signed.meet();
        assert!(signed.is_wanted());
    }

    #[test]
    fn a_holder_that_sends_much_does_not_keep_a_look_from_ending() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        io::Write::write_all(&mut theirs, &[b'x'; 4096]).unwrap();
        let mut holder = Holder {
            pid: 1,
            is_others: true,
            is_fixture: false,
            connection: Some(ours.into()),
        };
        assert!(!holder.has_ended() && !holder.is_fixture);
        let rest = rustix::io::read(holder.connection.as_ref().unwrap(), &mut [0; 4096]).unwrap();
        assert!(rest > 0);
    }

    #[test]
    fn the_guard_of_a_fixture_says_so_to_its_own_user() {
        let (name, mut signed) = claim("says");
        let [mut own, mut others] = [(), ()].map(|()| wait_for(&name));
        others.is_others = true;
        assert!(!own.has_ended() && !own.is_fixture);
        signed.meet();
        assert!(!own.has_ended() && own.is_fixture);
        // The kernel names the holder. The holder's own messages don't matter.
        assert!(!others.has_ended() && !others.is_fixture);
        drop(signed);
        assert!(own.has_ended() && own.is_fixture);
    }
}
