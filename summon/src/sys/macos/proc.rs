//! Facts about other processes from `libproc`. Each was true for a moment, so callers look again
//! before they report an error.

use std::io;
use std::path::PathBuf;

use super::ancestry::{Root, Row, below};
use super::arguments::words;
use super::{libproc, sysctl};
pub(crate) use crate::sys::holds_socket::Holds;

impl Root {
    pub(super) fn of(pid: u32) -> Root {
        let id = identity(pid);
        Root { pid, id }
    }
}

/// Reads the table of all processes.
pub(super) fn table() -> io::Result<Vec<Row>> {
    let row = |pid: u32| {
        // Each fact is a separate question, and the process may end in between. Without an identity
        // leave it out: nothing could tell it from the next process with its pid.
        let unique = libproc::unique(pid)?;
        let of_kernel = rustix::process::Pid::from_raw(pid as i32);
        let session = rustix::process::getsid(of_kernel);
        Some(Row {
            pid,
            id: unique.id,
            forked_by: unique.forked_by,
            session: session.map_or(0, |session| session.as_raw_nonzero().get() as u32),
            has_ended: has_ended(pid),
        })
    };
    Ok(libproc::all()?.into_iter().filter_map(row).collect())
}

#[cfg(test)]
fn descendants(root: u32) -> Vec<u32> {
    let found = below(&table().unwrap(), &[Root::of(root)]);
    found.into_iter().map(|row| row.pid).collect()
}

/// Lists the processes of a service: all below its guard or in the guard's session, its leader, and
/// all below the leader, which may have left both. Fails if the table can't be read.
pub(crate) fn service(guard: u32, leader: u32) -> io::Result<Vec<u32>> {
    let found = below(&table()?, &[Root::of(guard), Root::of(leader)]);
    let found = found.into_iter().map(|row| row.pid);
    // The leader is a root of the search, and `below` leaves the roots out.
    Ok(found.chain([leader]).collect())
}

/// Returns the parent of a process, or `None` if the process no longer exists.
pub(crate) fn parent(pid: u32) -> Option<u32> {
    libproc::short_info(pid).map(|info| info.parent)
}

/// Returns a number that no other process ever gets. Processes that were forked later have higher
/// ones.
pub(crate) fn identity(pid: u32) -> Option<u64> {
    libproc::unique(pid).map(|unique| unique.id)
}

/// Returns the command line for messages, or the short name if the command line is not readable.
pub(crate) fn command_line(pid: u32) -> Option<String> {
    let arguments = sysctl::arguments(pid).ok().and_then(|raw| words(&raw));
    arguments.or_else(|| libproc::name(pid))
}

/// Returns the file names of the program that a process runs, the most certain first: its
/// executable and its short name. The short name is readable for other users' processes too.
pub(crate) fn programs(pid: u32) -> Vec<String> {
    let executable = libproc::executable(pid);
    let name = executable.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    [name, libproc::name(pid)].into_iter().flatten().collect()
}

/// Returns the effective user of a process. Not implemented here.
pub(crate) fn user(_pid: u32) -> Option<u32> {
    None
}

/// Returns the directory where the process looks for files with relative paths.
pub(crate) fn working_directory(pid: u32) -> Option<PathBuf> {
    libproc::working_directory(pid)
}

/// Returns the id of this boot of the machine.
pub(crate) fn boot() -> String {
    sysctl::text(c"kern.bootsessionuuid").unwrap_or_default()
}

/// Returns an id of this machine. Here it does not outlast a reboot.
pub(crate) fn machine() -> String {
    boot()
}

/// Returns the id of this process's pid namespace. macOS has only one.
pub(crate) fn namespace() -> String {
    String::new()
}

/// The id of a socket.
pub(crate) type SocketId = u64;

/// Says whether a process holds a socket. Fails if the descriptors can't be read now, such as for
/// lack of a descriptor.
pub(crate) fn holds_socket(pid: u32, socket: SocketId) -> io::Result<Holds> {
    match libproc::sockets(pid) {
        Ok(sockets) if sockets.iter().any(|it| it.id == socket) => Ok(Holds::Yes),
        Ok(_) => Ok(Holds::No),
        // The process has ended since the caller listed it, and holds nothing.
        Err(_) if has_ended(pid) => Ok(Holds::No),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(Holds::Unknown),
        Err(error) => Err(error),
    }
}

/// Whether the process is a zombie, or does not exist.
pub(crate) fn has_ended(pid: u32) -> bool {
    libproc::short_info(pid).is_none_or(|info| info.status == libc::SZOMB)
}

/// Lists the sockets that a process holds, as far as they are readable.
pub(crate) fn sockets(pid: u32) -> Vec<SocketId> {
    let sockets = libproc::sockets(pid).unwrap_or_default();
    sockets.into_iter().map(|it| it.id).collect()
}

/// Whether the process is stopped, or has ended.
pub(crate) fn is_halted(pid: u32) -> bool {
    libproc::short_info(pid)
        .is_none_or(|info| info.status == libc::SSTOP || info.status == libc::SZOMB)
}

/// Counts the clients that have not closed their side since the server closed its own. Not
/// implemented here.
pub(crate) fn connections_left(_port: u16) -> usize {
    0
}

/// Returns the time that the process has spent on a processor, if known.
pub(crate) fn processor_time(_pid: u32) -> Option<std::time::Duration> {
    None
}

/// Whether the process has ended, or is exiting: it may still hold files that are no longer
/// visible.
pub(crate) fn is_ending(pid: u32) -> bool {
    /// `PROC_FLAG_INEXIT`.
    const EXITING: u32 = 4;
    // The kernel sets this flag before it closes the files, and answers no question about the files
    // from then on. Until they are closed, a port looks unowned and is still bound.
    libproc::short_info(pid)
        .is_none_or(|info| info.status == libc::SZOMB || info.flags & EXITING != 0)
}

/// Whether the leader has ended. Whether a thread runs is not implemented here.
pub(crate) fn is_service_busy(_guard: u32, leader: u32) -> bool {
    has_ended(leader)
}

/// Whether the process certainly sleeps until an event. Not implemented here.
pub(crate) fn is_asleep(_pid: u32) -> bool {
    false
}

/// Finds a process that holds a socket, if one is visible. It reads all processes, so use it only
/// for error messages.
pub(crate) fn holder_of_socket(socket: SocketId) -> Option<u32> {
    libproc::all()
        .unwrap_or_default()
        .into_iter()
        .find(|pid| matches!(holds_socket(*pid, socket), Ok(Holds::Yes)))
}

/// Whether the process is in another network namespace than this one. macOS has only one.
pub(crate) fn has_other_network(_: u32) -> bool {
    false
}

/// Whether a process listens on a TCP port in the other network of `pid`. macOS has none.
pub(crate) fn listens_in_network_of(_: u32, _: u16) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_its_family() {
        let mut child = std::process::Command::new("sleep")
            .arg("100")
            .spawn()
            .unwrap();
        let me = std::process::id();
        assert_eq!(parent(child.id()), Some(me));
        assert!(descendants(me).contains(&child.id()));
        let table = table().unwrap();
        let row = table.iter().find(|row| row.pid == child.id()).unwrap();
        assert_eq!(Some(row.id), identity(child.id()));
        assert_eq!(Some(row.forked_by), identity(me));
        assert!(identity(me).unwrap() < row.id);
        assert_eq!(command_line(child.id()).unwrap(), "sleep 100");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(parent(child.id()), None);
    }

    #[test]
    fn a_socket_knows_its_holder() {
        let me = std::process::id();
        let before = sockets(me);
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let id = *sockets(me).iter().find(|id| !before.contains(id)).unwrap();
        assert_eq!(holds_socket(me, id).unwrap(), Holds::Yes);
        drop(socket);
        assert_eq!(holds_socket(me, id).unwrap(), Holds::No);
    }
}
