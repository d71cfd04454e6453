//! The processes that hold sockets.

use std::fs;
use std::io;
use std::path::Path;

use super::{descriptor_tables, proc, process_tree};
pub(crate) use crate::sys::holds_socket::Holds;

/// The id of a socket: its inode.
pub(crate) type SocketId = u32;

/// Says whether a process holds a socket. Fails if the descriptors can't be read now, such as for
/// lack of a descriptor.
pub(crate) fn holds_socket(pid: u32, inode: SocketId) -> io::Result<Holds> {
    let wanted = format!("socket:[{inode}]");
    match table_holds(pid, pid, &wanted)? {
        Holds::No => {}
        found => return Ok(found),
    }
    for thread in descriptor_tables::further(pid) {
        match table_holds(pid, thread, &wanted)? {
            Holds::No => {}
            found => return Ok(found),
        }
    }
    Ok(Holds::No)
}

/// Like `holds_socket`, for the descriptors of one thread.
fn table_holds(pid: u32, thread: u32, wanted: &str) -> io::Result<Holds> {
    let entries = match fs::read_dir(descriptor_tables::path(pid, thread)) {
        Ok(entries) => entries,
        Err(error) => return unread(error, thread),
    };
    for entry in entries {
        let target = entry.and_then(|entry| fs::read_link(entry.path()));
        match target.map(|target| target.as_os_str() == wanted) {
            Ok(true) => return Ok(Holds::Yes),
            Ok(false) => {}
            // The process may close a descriptor between the listing and this look. `unread` reads
            // that `ENOENT` as `No`: a closed descriptor is not the socket.
            Err(error) => match unread(error, thread)? {
                Holds::No => {}
                unknown => return Ok(unknown),
            },
        }
    }
    Ok(Holds::No)
}

/// Interprets an error from reading the descriptors of a thread.
fn unread(error: io::Error, thread: u32) -> io::Result<Holds> {
    match error.kind() {
        // The thread has ended since the caller listed it, and the kernel has closed its files.
        _ if process_tree::has_gone(&error) => Ok(Holds::No),
        // A zombie holds nothing, but its descriptors can't be read either.
        io::ErrorKind::PermissionDenied if proc::has_ended(thread) => Ok(Holds::No),
        io::ErrorKind::PermissionDenied => Ok(Holds::Unknown),
        _ => Err(error),
    }
}

/// Lists the sockets that a process holds, as far as they are readable.
pub(crate) fn sockets(pid: u32) -> Vec<SocketId> {
    let mut sockets = sockets_in(&descriptor_tables::path(pid, pid));
    for thread in descriptor_tables::further(pid) {
        sockets.extend(sockets_in(&descriptor_tables::path(pid, thread)));
    }
    sockets
}

fn sockets_in(dir: &Path) -> Vec<SocketId> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let target = fs::read_link(entry.path()).ok()?;
            let inode = target
                .to_str()?
                .strip_prefix("socket:[")?
                .strip_suffix(']')?;
            inode.parse().ok()
        })
        .collect()
}

/// Finds a process that holds a socket, if one is visible. It reads all processes, so use it only
/// for error messages.
pub(crate) fn holder_of_socket(inode: SocketId) -> Option<u32> {
    process_tree::all()
        .unwrap_or_default()
        .into_iter()
        // Several processes share a socket after a fork. For a message the first will do.
        .find(|pid| matches!(holds_socket(*pid, inode), Ok(Holds::Yes)))
}

/// Counts the clients of a TCP port that have not closed their side since the server closed its
/// own. It reads a table that is long on a busy machine, so use it only for error messages.
pub(crate) fn connections_left(port: u16) -> usize {
    let wanted = format!(":{port:04X}");
    let tables = ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("/proc/self/net/{table}")));
    let tables = tables.into_iter().flatten();
    tables
        .map(|table| {
            let lines = table.lines().skip(1);
            // 08 is CLOSE_WAIT, the state of the client's side.
            let is_left = |line: &&str| {
                let mut fields = line.split_ascii_whitespace().skip(2);
                fields.next().is_some_and(|peer| peer.ends_with(&wanted))
                    && fields.next() == Some("08")
            };
            lines.filter(is_left).count()
        })
        .sum()
}

/// Whether a process listens on a TCP port in the network namespace of `pid`. It reads a table that
/// is long on a busy machine, so use it only for error messages.
pub(crate) fn listens_in_network_of(pid: u32, port: u16) -> bool {
    let wanted = format!(":{port:04X}");
    ["tcp", "tcp6"].iter().any(|table| {
        // `/proc/<pid>/net` shows the network namespace of that process, not the reader's.
        let table = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        table.lines().skip(1).any(|line| {
            let mut fields = line.split_ascii_whitespace().skip(1);
            let here = fields.next().is_some_and(|local| local.ends_with(&wanted));
            // 0A is LISTEN.
            here && fields.nth(1) == Some("0A")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_knows_its_holder() {
        use std::os::unix::fs::MetadataExt;
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&socket);
        let inode = fs::metadata(format!("/proc/self/fd/{fd}")).unwrap().ino();
        let inode = u32::try_from(inode).unwrap();
        assert_eq!(holds_socket(std::process::id(), inode).unwrap(), Holds::Yes);
        assert_eq!(holder_of_socket(inode), Some(std::process::id()));
        drop(socket);
        assert_eq!(holds_socket(std::process::id(), inode).unwrap(), Holds::No);
    }
}
