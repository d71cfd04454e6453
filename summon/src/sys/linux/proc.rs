//! What `/proc` tells of other processes (`proc(5)`). All of it is a picture of a moment: callers
//! look again before they believe something that would be an error.
//!
//! Names are read as bytes: a process gives itself any name, and the kernel cuts a long one after 15
//! bytes, in the middle of a character if need be.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::emulator;

/// The children of a process, zombies included, as far as they can be seen.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    try_children(pid).unwrap_or_default()
}

/// The same. It is an error if they can't be seen, which is not the same as that there are none.
fn try_children(pid: u32) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    let tasks = match fs::read_dir(format!("/proc/{pid}/task")) {
        Err(error) if has_gone(&error) => return Ok(found),
        tasks => tasks?,
    };
    for task in tasks {
        match fs::read_to_string(task?.path().join("children")) {
            Ok(pids) => found.extend(pids.split_ascii_whitespace().flat_map(str::parse::<u32>)),
            // A kernel without CONFIG_PROC_CHILDREN, or a thread that has just ended.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return children_by_parent(pid);
            }
            Err(error) if has_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn children_by_parent(pid: u32) -> io::Result<Vec<u32>> {
    let all = all()?.into_iter();
    Ok(all.filter(|child| parent(*child) == Some(pid)).collect())
}

/// Whether an error says that the process or thread which was asked for is not there any more.
fn has_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ESRCH | libc::ENOENT))
}

/// Every process below `root`, parents before their children, `root` itself left out, as far as
/// they can be seen.
pub(crate) fn descendants(root: u32) -> Vec<u32> {
    below(root, |pid| Ok(children(pid))).unwrap_or_default()
}

/// Every process of a service: all that is below its guard. It is an error if some can't be seen.
pub(crate) fn service(guard: u32, _leader: u32) -> io::Result<Vec<u32>> {
    below(guard, try_children)
}

fn below(root: u32, children: impl Fn(u32) -> io::Result<Vec<u32>>) -> io::Result<Vec<u32>> {
    let mut found = children(root)?;
    let mut next = 0;
    while next < found.len() {
        for pid in children(found[next])? {
            // A process that moved while we looked may turn up twice.
            if !found.contains(&pid) {
                found.push(pid);
            }
        }
        next += 1;
    }
    Ok(found)
}

/// The process's parent, `None` when there is no such process any more.
pub(crate) fn parent(pid: u32) -> Option<u32> {
    stat(pid, 1)?.parse().ok()
}

/// Whether a process is a descendant of `root`.
pub(crate) fn is_below(mut pid: u32, root: u32) -> bool {
    // Bounded, since the tree may change while we climb.
    for _ in 0..4096 {
        match parent(pid) {
            Some(parent) if parent == root => return true,
            Some(parent) if parent > 1 => pid = parent,
            _ => return false,
        }
    }
    false
}

/// A field of `/proc/<pid>/stat`, counted from the first behind the name.
fn stat(pid: u32, field: usize) -> Option<String> {
    stat_at(Path::new(&format!("/proc/{pid}/stat")), field)
}

/// The same, of a process or a thread.
fn stat_at(path: &Path, field: usize) -> Option<String> {
    let stat = fs::read(path).ok()?;
    behind_name(&stat)?.nth(field).map(str::to_owned)
}

/// The fields of a line of `stat` that follow the name.
pub(super) fn behind_name(stat: &[u8]) -> Option<impl Iterator<Item = &str>> {
    // The name, in brackets, may itself contain spaces and brackets, and need not be text.
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let fields = std::str::from_utf8(&stat[end + 1..]).ok()?;
    Some(fields.split_ascii_whitespace())
}

/// What tells the process from others that have had its pid, or will: when it began, in clock ticks
/// since the system was booted.
pub(crate) fn identity(pid: u32) -> Option<u64> {
    stat(pid, 19)?.parse().ok()
}

/// The command line, for people; the short name when a process has none.
pub(crate) fn command_line(pid: u32) -> Option<String> {
    let raw = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words: Vec<_> = raw
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(String::from_utf8_lossy)
        .collect();
    if words.is_empty() {
        return short_name(pid);
    }
    Some(words.join(" "))
}

/// The short name, with a sign in the place of what is no text.
fn short_name(pid: u32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    Some(String::from_utf8_lossy(name.trim_ascii_end()).into_owned())
}

/// The file names of what a process runs, the most certain first: its executable, the program that
/// this one emulates, and its short name. Of other users' processes only the last can be read.
pub(crate) fn programs(pid: u32) -> Vec<String> {
    let exe = fs::read_link(format!("/proc/{pid}/exe")).ok();
    let exe = exe.map(|path| file_name(path.as_os_str().as_bytes()));
    let exe = exe.map(|name| name.trim_end_matches(" (deleted)").to_owned());
    let is_emulated = exe.as_deref().is_some_and(emulator::is_one);
    let line = is_emulated.then(|| fs::read(format!("/proc/{pid}/cmdline")).ok());
    let emulated = line
        .flatten()
        .and_then(|line| emulator::program(&line).map(file_name));
    // It is that of the file which the kernel was asked to run, also where it runs an emulator
    // (`binfmt_misc`) or an interpreter in its place.
    [exe, emulated, short_name(pid)]
        .into_iter()
        .flatten()
        .collect()
}

fn file_name(path: &[u8]) -> String {
    let name = path.rsplit(|byte| *byte == b'/').next();
    String::from_utf8_lossy(name.unwrap_or_default()).into_owned()
}

/// The user whose rights a process has. The owner of its directory says less: that is root where the
/// process may not be read.
pub(crate) fn user(pid: u32) -> Option<u32> {
    let status = fs::read(format!("/proc/{pid}/status")).ok()?;
    let status = String::from_utf8_lossy(&status);
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    // The real one, the effective one, and others.
    uids.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Where the process looks for files of relative names.
pub(crate) fn working_directory(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/cwd")).ok()
}

/// What tells this boot of the machine from others.
pub(crate) fn boot() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    boot.trim().to_owned()
}

/// What tells the pid namespace of this process from others (`pid_namespaces(7)`).
pub(crate) fn namespace() -> String {
    let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    link.display().to_string()
}

/// What tells a socket from others: its inode.
pub(crate) type SocketId = u32;

/// Whether a process holds a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Holds {
    Yes,
    No,
    /// Its descriptors can't be read: another user's, or a program with privileges.
    Unknown,
}

/// An error says that it could not be looked at for now, such as for want of descriptors.
pub(crate) fn holds_socket(pid: u32, inode: SocketId) -> io::Result<Holds> {
    let wanted = format!("socket:[{inode}]");
    let entries = match fs::read_dir(format!("/proc/{pid}/fd")) {
        Ok(entries) => entries,
        Err(error) => return unread(error, pid),
    };
    for entry in entries {
        let target = entry.and_then(|entry| fs::read_link(entry.path()));
        match target.map(|target| target.as_os_str() == wanted.as_str()) {
            Ok(true) => return Ok(Holds::Yes),
            Ok(false) => {}
            Err(error) => match unread(error, pid)? {
                Holds::No => {}
                unknown => return Ok(unknown),
            },
        }
    }
    Ok(Holds::No)
}

/// What an error says about what a process holds.
fn unread(error: io::Error, pid: u32) -> io::Result<Holds> {
    match error.kind() {
        _ if has_gone(&error) => Ok(Holds::No),
        // What has ended holds nothing, though its descriptors can't be read either.
        io::ErrorKind::PermissionDenied if has_ended(pid) => Ok(Holds::No),
        io::ErrorKind::PermissionDenied => Ok(Holds::Unknown),
        _ => Err(error),
    }
}

/// Whether the process is a zombie, or not there.
pub(crate) fn has_ended(pid: u32) -> bool {
    let state = stat(pid, 0);
    state.is_none_or(|state| state == "Z" || state == "X")
}

/// The sockets that a process holds, as far as that can be read.
pub(crate) fn sockets(pid: u32) -> Vec<SocketId> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd"));
    let links = entries.into_iter().flatten().flatten();
    links
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

/// Whether the process does not run until it is told to go on, or never again.
pub(crate) fn is_halted(pid: u32) -> bool {
    let state = stat(pid, 0);
    state.is_none_or(|state| ["T", "t", "Z", "X"].contains(&state.as_str()))
}

/// How long the process has run on a processor.
pub(crate) fn processor_time(pid: u32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    let nanoseconds = text.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

/// Whether the process has ended, or is about to: what it holds may not be seen any more, and be
/// held all the same.
pub(crate) fn is_ending(pid: u32) -> bool {
    /// `PF_EXITING` in the kernel.
    const EXITING: u64 = 4;
    let flags = stat(pid, 6).and_then(|flags| flags.parse::<u64>().ok());
    has_ended(pid) || flags.is_none_or(|flags| flags & EXITING != 0)
}

/// Whether some thread of the process has something to do, or waits for a disk.
pub(crate) fn is_busy(pid: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    let mut tasks = tasks.into_iter().flatten().flatten();
    tasks.any(|task| {
        let state = stat_at(&task.path().join("stat"), 0);
        state.is_some_and(|state| state == "R" || state == "D")
    })
}

/// Some process that holds a socket, if the system lets us see one. Looks at everything, so it
/// is for error messages alone.
pub(crate) fn holder_of_socket(inode: SocketId) -> Option<u32> {
    all()
        .unwrap_or_default()
        .into_iter()
        .find(|pid| matches!(holds_socket(*pid, inode), Ok(Holds::Yes)))
}

/// Whether the process has a network of its own, other than ours (`network_namespaces(7)`).
pub(crate) fn has_other_network(pid: u32) -> bool {
    let network = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    let theirs = network(&pid.to_string());
    theirs.is_some() && theirs != network("self")
}

/// How many clients were connected to a TCP port when its server has closed them all, and have not
/// closed their side yet. Reads a table that is long on a busy machine, so it is for error messages alone.
pub(crate) fn connections_left(port: u16) -> usize {
    let wanted = format!(":{port:04X}");
    let tables = ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("/proc/self/net/{table}")));
    let tables = tables.into_iter().flatten();
    tables
        .map(|table| {
            let lines = table.lines().skip(1);
            // 08 is CLOSE_WAIT: the client's side.
            let is_left = |line: &&str| {
                let mut fields = line.split_ascii_whitespace().skip(2);
                fields.next().is_some_and(|peer| peer.ends_with(&wanted))
                    && fields.next() == Some("08")
            };
            lines.filter(is_left).count()
        })
        .sum()
}

/// Whether somebody listens on a TCP port in the network of that process. Reads a table that is
/// long on a busy machine, so it is for error messages alone.
pub(crate) fn listens_in_network_of(pid: u32, port: u16) -> bool {
    let wanted = format!(":{port:04X}");
    ["tcp", "tcp6"].iter().any(|table| {
        let table = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        table.lines().skip(1).any(|line| {
            let mut fields = line.split_ascii_whitespace().skip(1);
            let here = fields.next().is_some_and(|local| local.ends_with(&wanted));
            // 0A is LISTEN.
            here && fields.nth(1) == Some("0A")
        })
    })
}

fn all() -> io::Result<Vec<u32>> {
    let entries = fs::read_dir("/proc")?.flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(pids.collect())
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
        assert!(children(me).contains(&child.id()));
        assert!(children_by_parent(me).unwrap().contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(parent(child.id()), None);
    }

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
