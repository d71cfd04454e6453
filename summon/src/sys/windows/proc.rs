//! What the system tells of other processes: nothing yet.

use std::io;
use std::path::PathBuf;

/// Every process of a service.
pub(crate) fn service(_guard: u32, _leader: u32) -> io::Result<Vec<u32>> {
    Err(super::unsupported())
}

/// The process's parent.
pub(crate) fn parent(_pid: u32) -> Option<u32> {
    None
}

/// What tells the process from others that have had its pid, or will.
pub(crate) fn identity(_pid: u32) -> Option<u64> {
    None
}

/// The command line, for people.
pub(crate) fn command_line(_pid: u32) -> Option<String> {
    None
}

/// The file names of what a process runs.
pub(crate) fn programs(_pid: u32) -> Vec<String> {
    Vec::new()
}

/// The user whose rights a process has: that is not asked here.
pub(crate) fn user(_pid: u32) -> Option<u32> {
    None
}

/// Where the process looks for files of relative names.
pub(crate) fn working_directory(_pid: u32) -> Option<PathBuf> {
    None
}

/// What tells this boot of the machine from others.
pub(crate) fn boot() -> String {
    String::new()
}

/// What tells the pids that are seen here from those of elsewhere.
pub(crate) fn namespace() -> String {
    String::new()
}

/// What tells a socket from others.
pub(crate) type SocketId = u64;

/// Whether a process holds a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Holds {
    Yes,
    No,
    Unknown,
}

pub(crate) fn holds_socket(_pid: u32, _socket: SocketId) -> io::Result<Holds> {
    Ok(Holds::Unknown)
}

/// The sockets that a process holds.
pub(crate) fn sockets(_pid: u32) -> Vec<SocketId> {
    Vec::new()
}

/// Whether the process is not there.
pub(crate) fn has_ended(_pid: u32) -> bool {
    true
}

/// Whether the process does not run until it is told to go on, or never again.
pub(crate) fn is_halted(_pid: u32) -> bool {
    true
}

/// Whether the process computes or waits for a disk.
pub(crate) fn is_busy(_pid: u32) -> bool {
    false
}

/// How many clients have not closed their side of a connection that their server has closed. It is
/// not looked at.
pub(crate) fn connections_left(_port: u16) -> usize {
    0
}

/// How long the process has run on a processor, where that is known.
pub(crate) fn processor_time(_pid: u32) -> Option<std::time::Duration> {
    None
}

/// Whether the process has ended, or is about to.
pub(crate) fn is_ending(_pid: u32) -> bool {
    true
}

/// Some process that holds a socket.
pub(crate) fn holder_of_socket(_socket: SocketId) -> Option<u32> {
    None
}

/// Whether the process has a network of its own, other than ours.
pub(crate) fn has_other_network(_pid: u32) -> bool {
    false
}

/// Whether somebody listens on a TCP port in the network of that process.
pub(crate) fn listens_in_network_of(_pid: u32, _port: u16) -> bool {
    false
}
