//! Making sockets, and sending through them, such that nobody inherits one or dies of it.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType};

/// Whether a write to a socket whose other end has closed raises a signal is a property of the
/// socket here, which this module sets.
pub(crate) const SEND: SendFlags = SendFlags::empty();
/// Descriptors are received as they come, see [`received`].
pub(crate) const RECEIVE: RecvFlags = RecvFlags::empty();

/// Whether a socket stays whole that is on its way to another process, when nobody holds it otherwise.
/// Here it may be taken for garbage, and cut off (`unp_gc` in the kernel).
pub(crate) const SAFE_IN_TRANSIT: bool = false;

pub(crate) fn socket(family: AddressFamily, kind: SocketType) -> io::Result<OwnedFd> {
    let socket = rustix::net::socket(family, kind, None)?;
    rustix::io::ioctl_fioclex(&socket)?;
    rustix::net::sockopt::set_socket_nosigpipe(&socket, true)?;
    Ok(socket)
}

/// A path for the socket of that name in a directory.
pub(crate) fn path_in(_dir: &OwnedFd, path: &Path, name: &str) -> PathBuf {
    path.join(name)
}

/// Two that are connected to each other.
pub(crate) fn pair() -> io::Result<(UnixStream, UnixStream)> {
    let (one, other) = UnixStream::pair()?;
    rustix::net::sockopt::set_socket_nosigpipe(&one, true)?;
    rustix::net::sockopt::set_socket_nosigpipe(&other, true)?;
    Ok((one, other))
}

/// Puts a socket where another one was, whose number it gets.
pub(crate) fn put(socket: UnixStream, place: UnixStream) -> io::Result<UnixStream> {
    let mut place = OwnedFd::from(place);
    rustix::io::dup2(socket, &mut place)?;
    rustix::io::ioctl_fioclex(&place)?;
    Ok(place.into())
}

/// Makes a descriptor that was received one that no program inherits.
pub(crate) fn received(fd: OwnedFd) -> OwnedFd {
    // It does not fail for a descriptor that is open.
    let _ = rustix::io::ioctl_fioclex(&fd);
    fd
}
