//! Sockets that no program inherits, and sends that raise no signal.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::io::DupFlags;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// Sends without SIGPIPE if the other end has closed.
pub(crate) const SEND: SendFlags = SendFlags::NOSIGNAL;
/// Receives descriptors as close-on-exec.
pub(crate) const RECEIVE: RecvFlags = RecvFlags::CMSG_CLOEXEC;

/// Whether a socket in transit to another process stays whole without another holder.
pub(crate) const SAFE_IN_TRANSIT: bool = true;

pub(crate) fn socket(family: AddressFamily, kind: SocketType) -> io::Result<OwnedFd> {
    // Close-on-exec from the start. With `fcntl` in a second step, another thread could fork and
    // execute a program in between, and that program would keep the port or the connection open
    // (`open(2)` on `O_CLOEXEC`).
    let flags = SocketFlags::CLOEXEC;
    Ok(rustix::net::socket_with(family, kind, flags, None)?)
}

/// Returns a path for the socket `name` in a directory. The directory's own path may be longer than
/// the address of a socket (107 bytes, `unix(7)`).
pub(crate) fn path_in(dir: &OwnedFd, _path: &Path, name: &str) -> PathBuf {
    // The link in `/proc` leads to the open directory, even if its path leads elsewhere by now.
    format!("/proc/self/fd/{}/{name}", dir.as_raw_fd()).into()
}

/// Makes two sockets that are connected to each other.
pub(crate) fn pair() -> io::Result<(UnixStream, UnixStream)> {
    UnixStream::pair()
}

/// Puts a socket in the place of another one, with its descriptor number.
pub(crate) fn put(socket: UnixStream, place: UnixStream) -> io::Result<UnixStream> {
    let mut place = OwnedFd::from(place);
    // `dup3` closes the old socket and takes its number in one step. After a separate `close`,
    // another thread's `open` could get the number first (`dup(2)`).
    rustix::io::dup3(socket, &mut place, DupFlags::CLOEXEC)?;
    Ok(place.into())
}

/// Makes a received descriptor close-on-exec. [`RECEIVE`] has done that.
pub(crate) fn received(fd: OwnedFd) -> OwnedFd {
    fd
}
