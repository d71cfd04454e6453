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
use crate::sys::{meeting, user, wait};

/// The ports that the kernel gives to whoever asks for none in particular
/// (`ip_local_port_range` in `ip(7)`): from the first to the last.
pub(crate) fn ephemeral() -> Option<(u16, u16)> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ends = text.split_ascii_whitespace().map(str::parse);
    Some((ends.next()?.ok()?, ends.next()?.ok()?))
}

/// What that is unless somebody has changed it.
pub(crate) const EPHEMERAL: (u16, u16) = (32768, 60999);

/// Claims a port among all who use summon in this network namespace: a Unix socket with an
/// abstract name (`unix(7)`) exists once, and ends with its last holder. `Ok(None)` means that
/// somebody else has it. Other systems need a directory for claims.
pub(crate) fn claim(
    port: u16,
    _dir: impl FnOnce() -> io::Result<PathBuf>,
) -> io::Result<Option<OwnedFd>> {
    let name = UnixAddr::from_abstract_name(claim_name(port))?;
    match UnixListener::bind_addr(&name) {
        Ok(listener) => Ok(Some(listener.into())),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
        Err(error) => Err(error),
    }
}

/// Who has claimed a port.
#[derive(Debug)]
pub(crate) struct Holder {
    /// The guard of the service, or else the process that will have one started; 0 if it can't be
    /// told.
    pub(crate) pid: u32,
    /// It is certainly another user's.
    pub(crate) is_others: bool,
    /// Can be read when the last holder has ended. `None` when too many wait for it already.
    pub(crate) ended: Option<OwnedFd>,
}

impl Holder {
    /// Whether it has ended since it was asked for.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.as_ref().is_none_or(wait::is_readable)
    }
}

/// Says who holds the claim on a port: `None` if nobody does.
pub(crate) fn holder(
    port: u16,
    _dir: impl FnOnce() -> io::Result<PathBuf>,
) -> io::Result<Option<Holder>> {
    let socket = sockets::socket(AddressFamily::UNIX, SocketType::STREAM)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    let name = SocketAddrUnix::new_abstract_name(claim_name(port).as_bytes())?;
    // The connection waits in the listener's queue, and ends with it. A guard accepts it at most to
    // look who waits.
    match rustix::net::connect(&socket, &name) {
        Ok(()) => {
            let peer = peer(&socket)?;
            Ok(Some(Holder {
                pid: peer.pid,
                is_others: peer.uid != user(),
                ended: Some(socket),
            }))
        }
        Err(Errno::AGAIN) => Ok(Some(Holder {
            pid: 0,
            is_others: false,
            ended: None,
        })),
        Err(Errno::CONNREFUSED) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Some process that holds the claim on a port, if the system lets us see one. For error messages alone.
pub(crate) fn keeper(port: u16) -> Option<u32> {
    let inode = unix_sockets::of_name(&Diag::open().ok()?, claim_name(port).as_bytes()).ok()??;
    proc::holder_of_socket(inode)
}

/// What a claim on a port is, for people.
pub(crate) fn what_is_claimed(port: u16) -> String {
    format!("the name `@{}`", claim_name(port))
}

/// A claim of which others see this process as the holder.
pub(crate) struct Signed {
    claim: OwnedFd,
    /// Connections that were looked at. They stay open, since their end tells that of the claim.
    waiting: Vec<OwnedFd>,
}

/// The most connections that are looked at in one go, and that other users may have kept.
const MOST: usize = 64;

/// Makes this process the one that others see as the holder of a claim that it was given.
pub(crate) fn sign(claim: OwnedFd) -> Signed {
    // A socket's peers are told who called `listen` last. What is no socket refuses, which is fine.
    // The queue is for those who wait for its end, whom nobody but `is_wanted` accepts.
    let _ = rustix::net::listen(&claim, 4096);
    let _ = rustix::io::ioctl_fionbio(&claim, true);
    Signed {
        claim,
        waiting: Vec::new(),
    }
}

impl Signed {
    /// What to wait for: then [`Signed::is_wanted`] has something to look at.
    pub(crate) fn watched(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let claim = (self.claim.as_fd(), PollFlags::IN);
        // Of the others the end alone is of interest, which is always told.
        let waiting = self.waiting.iter();
        let waiting = waiting.map(|socket| (socket.as_fd(), PollFlags::empty()));
        std::iter::once(claim).chain(waiting)
    }

    /// Whether one more process of this user waits for the end of the claim. Those who have given up
    /// are forgotten.
    pub(crate) fn is_wanted(&mut self) -> bool {
        self.waiting.retain(is_connected);
        for _ in 0..MOST {
            let Ok(socket) = rustix::net::accept_with(&self.claim, SocketFlags::CLOEXEC) else {
                return false;
            };
            if !is_connected(&socket) {
                continue;
            }
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
    rustix::event::poll(&mut polled, Some(&Timespec::default())) == Ok(0)
}

/// Removes what was for meetings in the user's directory, if nobody has it. Claims leave nothing
/// there.
pub(crate) fn tidy(path: &Path) {
    meeting::tidy(path);
}

fn claim_name(port: u16) -> String {
    format!("summon-port-{port}")
}
