//! Facts about other processes. Not supported yet.

use std::io;
use std::path::PathBuf;

pub(crate) use crate::sys::holds_socket::Holds;

/// Lists the processes of a service.
pub(crate) fn service(_guard: u32, _leader: u32) -> io::Result<Vec<u32>> {
    Err(super::unsupported())
}

/// Returns the parent of a process.
pub(crate) fn parent(_pid: u32) -> Option<u32> {
    None
}

/// Returns a number that tells a process from earlier and later ones with the same pid.
pub(crate) fn identity(_pid: u32) -> Option<u64> {
    None
}

/// Returns the command line for messages.
pub(crate) fn command_line(_pid: u32) -> Option<String> {
    None
}

/// Returns the file names of the program that a process runs.
pub(crate) fn programs(_pid: u32) -> Vec<String> {
    Vec::new()
}

/// Returns the effective user of a process.
pub(crate) fn user(_pid: u32) -> Option<u32> {
    None
}

/// Returns the directory where the process looks for files with relative paths.
pub(crate) fn working_directory(_pid: u32) -> Option<PathBuf> {
    None
}

/// Returns the id of this boot of the machine.
pub(crate) fn boot() -> String {
    String::new()
}

/// Returns an id of this machine.
pub(crate) fn machine() -> String {
    boot()
}

/// Returns the id of this process's pid namespace.
pub(crate) fn namespace() -> String {
    String::new()
}

/// The id of a socket.
pub(crate) type SocketId = u64;

pub(crate) fn holds_socket(_pid: u32, _socket: SocketId) -> io::Result<Holds> {
    // Not known, so no claim either way: a stranger's server must not count as the service's, nor
    // the service's as a stranger's.
    Ok(Holds::Unknown)
}

/// Lists the sockets that a process holds.
pub(crate) fn sockets(_pid: u32) -> Vec<SocketId> {
    Vec::new()
}

/// Whether the process does not exist.
pub(crate) fn has_ended(_pid: u32) -> bool {
    true
}

/// Whether the process is stopped, or has ended.
pub(crate) fn is_halted(_pid: u32) -> bool {
    true
}

/// Whether a thread of the service runs, is ready to run, or waits for a disk, or the leader has ended.
pub(crate) fn is_service_busy(_guard: u32, _leader: u32) -> bool {
    false
}

/// Counts the clients that have not closed their side since the server closed its own.
pub(crate) fn connections_left(_port: u16) -> usize {
    0
}

/// Returns the time that the process has spent on a processor, if known.
pub(crate) fn processor_time(_pid: u32) -> Option<std::time::Duration> {
    None
}

/// Whether the process has ended, or is exiting.
pub(crate) fn is_ending(_pid: u32) -> bool {
    true
}

/// Finds a process that holds a socket.
pub(crate) fn holder_of_socket(_socket: SocketId) -> Option<u32> {
    None
}

/// Whether the process is in another network namespace than this one.
pub(crate) fn has_other_network(_pid: u32) -> bool {
    false
}

/// Whether a process listens on a TCP port in the network of another process.
pub(crate) fn listens_in_network_of(_pid: u32, _port: u16) -> bool {
    false
}
