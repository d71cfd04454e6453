//! Making sockets, and sending through them, such that nobody inherits one or dies of it.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::io::DupFlags;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// Sends without a signal where the other end has closed.
pub(crate) const SEND: SendFlags = SendFlags::NOSIGNAL;
/// Receives descriptors that no program inherits.
pub(crate) const RECEIVE: RecvFlags = RecvFlags::CMSG_CLOEXEC;

/// Whether a socket stays whole that is on its way to another process, when nobody holds it otherwise.
pub(crate) const SAFE_IN_TRANSIT: bool = true;

pub(crate) fn socket(family: AddressFamily, kind: SocketType) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    Ok(rustix::net::socket_with(family, kind, flags, None)?)
}

/// A path for the socket of that name in a directory. The directory's own path may be longer than the
/// address of a socket (107 bytes, `unix(7)`).
pub(crate) fn path_in(dir: &OwnedFd, _path: &Path, name: &str) -> PathBuf {
    format!("/proc/self/fd/{}/{name}", dir.as_raw_fd()).into()
}

/// Two that are connected to each other.
pub(crate) fn pair() -> io::Result<(UnixStream, UnixStream)> {
    UnixStream::pair()
}

/// Puts a socket where another one was, whose number it gets.
pub(crate) fn put(socket: UnixStream, place: UnixStream) -> io::Result<UnixStream> {
    let mut place = OwnedFd::from(place);
    rustix::io::dup3(socket, &mut place, DupFlags::CLOEXEC)?;
    Ok(place.into())
}

/// Makes a descriptor that was received one that no program inherits.
pub(crate) fn received(fd: OwnedFd) -> OwnedFd {
    fd
}
