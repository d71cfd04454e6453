//! The process at the other end of a Unix socket.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::OnceLock;

/// The process that made the other end of a connection, or called `listen` there last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// 0 for a process in a pid namespace that is invisible from here (`unix(7)`). rustix's type
    /// does not allow 0, so this module has its own.
    pub(crate) pid: u32,
    pub(crate) uid: u32,
}

/// Whether a uid from the kernel certainly means this process's user.
pub(crate) fn is_ours(uid: u32) -> bool {
    uid == crate::sys::users::user() && !is_of_many(uid)
}

/// Whether a uid means all users without a mapping into this user namespace (`user_namespaces(7)`).
fn is_of_many(uid: u32) -> bool {
    static OVERFLOW: OnceLock<u32> = OnceLock::new();
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let overflow = || read("/proc/sys/kernel/overflowuid").trim().parse();
    if uid != *OVERFLOW.get_or_init(|| overflow().unwrap_or(65534)) {
        return false;
    }
    // The kernel reports every unmapped user as the overflow uid. So if some users are unmapped,
    // this number proves nothing, even if this process has it itself. Each line of the map has
    // three numbers. The last is how many uids it maps. If all are mapped, the overflow uid is an
    // ordinary user.
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
    // SAFETY: `found` and `length` are valid for writes, and `length` is the size of `found`.
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
