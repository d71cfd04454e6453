//! The process at the other end of a Unix socket.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use super::libproc;

/// The process that last used the other end of a connection, or listens there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) pid: u32,
    pub(crate) uid: u32,
}

/// Whether a uid from the kernel certainly means this process's user.
pub(crate) fn is_ours(uid: u32) -> bool {
    uid == crate::sys::users::user()
}

pub(crate) fn peer(socket: impl AsFd) -> io::Result<Peer> {
    let mut pid: libc::pid_t = 0;
    let mut length = size_of_val(&pid) as libc::socklen_t;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: `pid` and `length` are valid for writes, and `length` is the size of `pid`.
    let result = unsafe {
        libc::getsockopt(
            fd,
            libc::SOL_LOCAL,
            libc::LOCAL_PEERPID,
            (&raw mut pid).cast(),
            &raw mut length,
        )
    };
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    let pid = pid as u32;
    let (mut uid, mut gid) = (0, 0);
    // SAFETY: `uid` and `gid` are valid for writes.
    if unsafe { libc::getpeereid(fd, &raw mut uid, &raw mut gid) } == 0 {
        return Ok(Peer { pid, uid });
    }
    // The manual promises the user only for connections (`getpeereid(3)`). xnu also records it for
    // socket pairs (`unp_connect2`). Without it, ask for the user of the peer process.
    let error = io::Error::last_os_error();
    let info = libproc::short_info(pid).ok_or(error)?;
    Ok(Peer {
        pid,
        uid: info.user,
    })
}
