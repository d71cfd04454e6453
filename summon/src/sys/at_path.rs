//! Facts about a path: whether a file changes, and who serves a socket.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::peer::peer;
use super::unix_sockets;

/// The state of a file, to notice a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    inode: (u64, u64),
    size: u64,
    /// The time of the last change, in seconds and nanoseconds. A program can set `mtime` back, but
    /// not `ctime` (`inode(7)`).
    changed: (i64, i64),
}

impl Stamp {
    pub(crate) fn of(path: &Path) -> io::Result<Stamp> {
        let found = std::fs::metadata(path)?;
        Ok(Stamp {
            // A file that another one replaces by `rename` may have the old size and time, but has
            // another inode. Size and time tell of a write to the same file.
            inode: (found.dev(), found.ino()),
            size: found.size(),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}

impl Stamp {
    pub(crate) fn is_empty(&self) -> bool {
        self.size == 0
    }
}

/// Whether any user may execute a file.
pub(crate) fn is_executable(found: &Metadata) -> bool {
    // Any of the three bits. Only `exec` can say whether this user may run the file: it also asks
    // for the search permission of each directory, ACLs, and mount options.
    found.mode() & 0o111 != 0
}

/// Returns the inode of a Unix socket, or `None` for another file.
pub(crate) fn socket(found: &Metadata) -> Option<u64> {
    found.file_type().is_socket().then(|| found.ino())
}

/// Connects to a Unix socket, and returns the process that called `listen` there, if known.
pub(crate) fn server(path: &Path) -> io::Result<Option<u32>> {
    // The kernel recorded the server's process at its `listen`, so this works before the server
    // accepts (`SO_PEERCRED` in `unix(7)`). macOS names the process that last used the socket. If
    // one process calls `listen` and another `accept`, that is the first until the other has polled
    // the socket or accepted this connection (`so_update_last_owner_locked` in xnu).
    Ok(other_end(&UnixStream::connect(path)?))
}

/// Connects to an abstract name, and returns the process that called `listen` there, if known.
pub(crate) fn server_of_name(name: &[u8]) -> io::Result<Option<u32>> {
    Ok(other_end(&unix_sockets::connect_to_name(name)?))
}

fn other_end(stream: &UnixStream) -> Option<u32> {
    let pid = peer(stream).ok().map(|peer| peer.pid);
    // Pid 0 means a process in a pid namespace that is invisible from here.
    pid.filter(|pid| *pid != 0)
}
