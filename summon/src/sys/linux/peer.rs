//! Who is at the other end of a Unix socket.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// The process that made the other end of a connection, or called `listen` there last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// 0 for a process in a pid namespace that can't be seen from ours (`unix(7)`), which is why
    /// rustix's type, whose pid is never 0, does not do.
    pub(crate) pid: u32,
    pub(crate) uid: u32,
}

/// Whether a number that the kernel has told is certainly that of this process's user.
pub(crate) fn is_ours(uid: u32) -> bool {
    uid == crate::sys::user() && !is_of_many(uid)
}

/// Whether a number stands for all users who are not mapped into this user namespace
/// (`user_namespaces(7)`).
fn is_of_many(uid: u32) -> bool {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let overflow = read("/proc/sys/kernel/overflowuid").trim().parse();
    if uid != overflow.unwrap_or(65534) {
        return false;
    }
    // Three numbers a line, of which the last is how many users are mapped.
    let map = read("/proc/self/uid_map");
    let counts = map
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok());
    counts.sum::<u64>() < u64::from(u32::MAX)
}

pub(crate) fn peer(socket: impl AsFd) -> io::Result<Peer> {
    let mut found = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut length = size_of_val(&found) as libc::socklen_t;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: `found` and `length` are valid places, and `length` says how long `found` is.
    let result = unsafe {
        libc::getsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut found).cast(),
            &raw mut length,
        )
    };
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(Peer {
        pid: found.pid as u32,
        uid: found.uid,
    })
}
