//! What the system tells of other processes (`libproc`). All of it is a picture of a moment:
//! callers look again before they believe something that would be an error.

use std::io;
use std::path::PathBuf;

use super::{libproc, sysctl};

/// Somebody in the table of all processes.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) pid: u32,
    /// See [`identity`].
    pub(super) id: u64,
    /// The identity of whoever has forked it, even if that one has ended since.
    pub(super) forked_by: u64,
    /// The pid of whoever has begun its session; 0 if it can't be told.
    session: u32,
    pub(super) has_ended: bool,
}

/// Somebody by whom others are found, alive or not.
#[derive(Clone, Copy)]
pub(super) struct Root {
    /// For those in his session.
    pub(super) pid: u32,
    /// For those whom he has forked: nobody, if it isn't known.
    pub(super) id: Option<u64>,
}

impl Root {
    pub(super) fn of(pid: u32) -> Root {
        let id = identity(pid);
        Root { pid, id }
    }
}

/// The table of all processes.
pub(super) fn table() -> io::Result<Vec<Row>> {
    let row = |pid: u32| {
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

/// Those of the table who are below `roots`, or in a session that one of all these has begun; the
/// roots left out. Who has lost its parent is still found, by its session, or by that parent as long
/// as that is a zombie or a root.
pub(super) fn below(table: &[Row], roots: &[Root]) -> Vec<Row> {
    let mut above = roots.to_vec();
    let mut found: Vec<Row> = Vec::new();
    let mut next = 0;
    while next < above.len() {
        let one = above[next];
        for row in table {
            let id = Some(row.id);
            let is_below = one.id == Some(row.forked_by) || one.pid == row.session;
            if is_below && !above.iter().any(|it| it.id == id) {
                above.push(Root { pid: row.pid, id });
                found.push(*row);
            }
        }
        next += 1;
    }
    found
}

#[cfg(test)]
fn descendants(root: u32) -> Vec<u32> {
    let found = below(&table().unwrap(), &[Root::of(root)]);
    found.into_iter().map(|row| row.pid).collect()
}

/// Every process of a service: all that is below its guard or in the guard's session, and its
/// leader, which may have left both, with what is below that. It is an error if none can be seen.
pub(crate) fn service(guard: u32, leader: u32) -> io::Result<Vec<u32>> {
    let found = below(&table()?, &[Root::of(guard), Root::of(leader)]);
    let found = found.into_iter().map(|row| row.pid);
    Ok(found.chain([leader]).collect())
}

/// The process's parent, `None` when there is no such process any more.
pub(crate) fn parent(pid: u32) -> Option<u32> {
    libproc::short_info(pid).map(|info| info.parent)
}

/// What tells the process from others that have had its pid, or will: a number that is never given
/// again. Who was forked later has a higher one.
pub(crate) fn identity(pid: u32) -> Option<u64> {
    libproc::unique(pid).map(|unique| unique.id)
}

/// The command line, for people; the short name when it can't be read.
pub(crate) fn command_line(pid: u32) -> Option<String> {
    let arguments = sysctl::arguments(pid).ok().and_then(|raw| words(&raw));
    arguments.or_else(|| libproc::name(pid))
}

/// The arguments in what [`sysctl::arguments`] tells.
fn words(raw: &[u8]) -> Option<String> {
    let (count, rest) = raw.split_first_chunk::<4>()?;
    let count = usize::try_from(i32::from_ne_bytes(*count)).ok()?;
    let end_of_path = rest.iter().position(|byte| *byte == 0)?;
    let padding = rest[end_of_path..].iter().position(|byte| *byte != 0)?;
    let words: Vec<_> = rest[end_of_path + padding..]
        .split(|byte| *byte == 0)
        .take(count)
        .filter(|word| !word.is_empty())
        .map(String::from_utf8_lossy)
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// The file names of what a process runs, the most certain first: its executable, and its short name,
/// which may be read of other users' processes too.
pub(crate) fn programs(pid: u32) -> Vec<String> {
    let executable = libproc::executable(pid);
    let name = executable.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    [name, libproc::name(pid)].into_iter().flatten().collect()
}

/// The user whose rights a process has: that is not asked here.
pub(crate) fn user(_pid: u32) -> Option<u32> {
    None
}

/// Where the process looks for files of relative names.
pub(crate) fn working_directory(pid: u32) -> Option<PathBuf> {
    libproc::working_directory(pid)
}

/// What tells this boot of the machine from others.
pub(crate) fn boot() -> String {
    sysctl::text(c"kern.bootsessionuuid").unwrap_or_default()
}

/// What tells the pids that are seen here from those of elsewhere: there is no elsewhere.
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
    /// Its descriptors can't be read: another user's, or a program with privileges.
    Unknown,
}

/// An error says that it could not be looked at for now, such as for want of descriptors.
pub(crate) fn holds_socket(pid: u32, socket: SocketId) -> io::Result<Holds> {
    match libproc::sockets(pid) {
        Ok(sockets) if sockets.iter().any(|it| it.id == socket) => Ok(Holds::Yes),
        Ok(_) => Ok(Holds::No),
        // What has ended holds nothing.
        Err(_) if has_ended(pid) => Ok(Holds::No),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(Holds::Unknown),
        Err(error) => Err(error),
    }
}

/// Whether the process is a zombie, or not there.
pub(crate) fn has_ended(pid: u32) -> bool {
    libproc::short_info(pid).is_none_or(|info| info.status == libc::SZOMB)
}

/// The sockets that a process holds, as far as that can be read.
pub(crate) fn sockets(pid: u32) -> Vec<SocketId> {
    let sockets = libproc::sockets(pid).unwrap_or_default();
    sockets.into_iter().map(|it| it.id).collect()
}

/// Whether the process does not run until it is told to go on, or never again.
pub(crate) fn is_halted(pid: u32) -> bool {
    libproc::short_info(pid)
        .is_none_or(|info| info.status == libc::SSTOP || info.status == libc::SZOMB)
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

/// Whether the process has ended, or is about to: what it holds may not be seen any more, and be
/// held all the same.
pub(crate) fn is_ending(pid: u32) -> bool {
    /// `PROC_FLAG_INEXIT`.
    const EXITING: u32 = 4;
    libproc::short_info(pid)
        .is_none_or(|info| info.status == libc::SZOMB || info.flags & EXITING != 0)
}

/// Whether some thread of the process has something to do: that is not looked at.
pub(crate) fn is_busy(_pid: u32) -> bool {
    false
}

/// Some process that holds a socket, if the system lets us see one. Looks at everything, so it
/// is for error messages alone.
pub(crate) fn holder_of_socket(socket: SocketId) -> Option<u32> {
    libproc::all()
        .unwrap_or_default()
        .into_iter()
        .find(|pid| matches!(holds_socket(*pid, socket), Ok(Holds::Yes)))
}

/// Whether the process has a network of its own, other than ours. There is one for all here.
pub(crate) fn has_other_network(_: u32) -> bool {
    false
}

/// Whether somebody listens on a TCP port in the network of that process, if it has one of its own.
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
