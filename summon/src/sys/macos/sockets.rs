//! Sockets that no program inherits, and sends that raise no signal.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType};

/// No flag: on macOS the socket has the property that a send raises no signal (`SO_NOSIGPIPE`).
/// This module sets it.
pub(crate) const SEND: SendFlags = SendFlags::empty();
/// No flag: descriptors become close-on-exec later, see [`received`].
pub(crate) const RECEIVE: RecvFlags = RecvFlags::empty();

/// Whether a socket in transit to another process stays whole without another holder. On macOS the
/// kernel may take it for garbage, and disconnect it (`unp_gc`).
pub(crate) const SAFE_IN_TRANSIT: bool = false;

pub(crate) fn socket(family: AddressFamily, kind: SocketType) -> io::Result<OwnedFd> {
    let socket = rustix::net::socket(family, kind, None)?;
    // macOS has no `SOCK_CLOEXEC`. A program that another thread starts between these two calls
    // inherits the socket, and keeps it until its own end.
    rustix::io::ioctl_fioclex(&socket)?;
    rustix::net::sockopt::set_socket_nosigpipe(&socket, true)?;
    Ok(socket)
}

/// Returns a path for the socket `name` in a directory.
pub(crate) fn path_in(_dir: &OwnedFd, path: &Path, name: &str) -> PathBuf {
    path.join(name)
}

/// Makes two sockets that are connected to each other.
pub(crate) fn pair() -> io::Result<(UnixStream, UnixStream)> {
    let (one, other) = UnixStream::pair()?;
    rustix::net::sockopt::set_socket_nosigpipe(&one, true)?;
    rustix::net::sockopt::set_socket_nosigpipe(&other, true)?;
    Ok((one, other))
}

/// Puts a socket in the place of another one, with its descriptor number.
pub(crate) fn put(socket: UnixStream, place: UnixStream) -> io::Result<UnixStream> {
    let mut place = OwnedFd::from(place);
    // `dup2` closes the old socket and takes its number in one step. After a separate `close`,
    // another thread's `open` could get the number first. The copy starts without close-on-exec
    // (`dup2(2)`), so set it again.
    rustix::io::dup2(socket, &mut place)?;
    rustix::io::ioctl_fioclex(&place)?;
    Ok(place.into())
}

/// Makes a received descriptor close-on-exec.
pub(crate) fn received(fd: OwnedFd) -> OwnedFd {
    // This does not fail for an open descriptor.
    let _ = rustix::io::ioctl_fioclex(&fd);
    fd
}
