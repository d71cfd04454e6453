//! Where processes that share a service meet: a Unix socket with an abstract name (`unix(7)`).
//! Whoever binds it first has the service started; the guard of the service then answers there.

use std::io;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use super::peer::peer;

/// Who one turned out to be.
#[derive(Debug)]
pub(crate) enum Role {
    /// The first: nobody else will be, until this socket and its copies are closed.
    First(OwnedFd),
    /// Another was, and its guard answers here.
    Later(UnixStream),
    /// Another is about to be, or has just ceased to be: ask again.
    Unclear,
}

/// Meets at a place that is named so. The name is no secret, so a stranger who sits there is told
/// from one of this user's.
pub(crate) fn meet(name: &str) -> io::Result<Role> {
    let addr = SocketAddr::from_abstract_name(format!("summon-{name}"))?;
    match UnixListener::bind_addr(&addr) {
        Ok(listener) => return Ok(Role::First(listener.into())),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
        Err(error) => return Err(error),
    }
    let stream = match UnixStream::connect_addr(&addr) {
        Ok(stream) => stream,
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(Role::Unclear),
        Err(error) => return Err(error),
    };
    if peer(&stream)?.uid != crate::sys::user() {
        return Err(io::Error::other("another user of this machine sits there"));
    }
    Ok(Role::Later(stream))
}
