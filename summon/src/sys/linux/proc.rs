//! Facts about other processes from `/proc` (`proc(5)`). Each was true for a moment, so callers
//! look again before they report an error.
//!
//! Names are bytes: a process chooses any name, and the kernel cuts a long name after 15 bytes,
//! even in the middle of a character.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{emulator, text};

/// Lists the children of a process, zombies included, as far as they are visible.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    try_children(pid).unwrap_or_default()
}

/// Lists the children of a process. Fails if they are not visible, so an empty list means no
/// children.
fn try_children(pid: u32) -> io::Result<Vec<u32>> {
    // The kernel lists the children of each thread apart (`proc_tid_children(5)`).
    let mut found = Vec::new();
    let tasks = match fs::read_dir(format!("/proc/{pid}/task")) {
        // An ended process has no children: the kernel has given them to its reaper.
        Err(error) if has_gone(&error) => return Ok(found),
        tasks => tasks?,
    };
    for task in tasks {
        match text::read_list(task?.path().join("children")) {
            Ok(pids) => {
                let pids = String::from_utf8_lossy(&pids);
                found.extend(pids.split_ascii_whitespace().flat_map(str::parse::<u32>));
            }
            // A kernel without CONFIG_PROC_CHILDREN, or a thread that has just ended. In the second
            // case its children have moved to another thread, possibly after this loop read that
            // thread's list. So scan all processes.
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
    // This reads a file of each process on the machine, so it is only the fallback.
    let all = all()?.into_iter();
    Ok(all.filter(|child| parent(*child) == Some(pid)).collect())
}

/// Whether an error says that the process or thread no longer exists.
fn has_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ESRCH | libc::ENOENT))
}

/// Lists the processes below `root`, parents before their children, without `root` itself, as far
/// as they are visible.
pub(crate) fn descendants(root: u32) -> Vec<u32> {
    below(root, |pid| Ok(children(pid))).unwrap_or_default()
}

/// Lists the processes of a service: all below its guard. Fails if some are not visible.
pub(crate) fn service(guard: u32, _leader: u32) -> io::Result<Vec<u32>> {
    below(guard, try_children)
}

fn below(root: u32, children: impl Fn(u32) -> io::Result<Vec<u32>>) -> io::Result<Vec<u32>> {
    // Breadth first, so a parent comes before its children. A child that is forked after its parent
    // was read is missing. Callers that kill therefore look again until nothing is left.
    let mut found = children(root)?;
    let mut next = 0;
    while next < found.len() {
        for pid in children(found[next])? {
            // A process moves up the tree when its parent ends, and may turn up twice.
            if !found.contains(&pid) {
                found.push(pid);
            }
        }
        next += 1;
    }
    Ok(found)
}

/// Returns the parent of a process, or `None` if the process no longer exists.
pub(crate) fn parent(pid: u32) -> Option<u32> {
    stat(pid, 1)?.parse().ok()
}

/// Whether a process is a descendant of `root`.
pub(crate) fn is_below(mut pid: u32, root: u32) -> bool {
    // Bounded: pids may be reused while this climbs, and even make a circle.
    for _ in 0..4096 {
        match parent(pid) {
            Some(parent) if parent == root => return true,
            // Process 1 and 0 end the climb: the first has no parent here, the second is outside
            // the namespace.
            Some(parent) if parent > 1 => pid = parent,
            _ => return false,
        }
    }
    false
}

/// Reads a field of `/proc/<pid>/stat`. Field 0 follows the name.
fn stat(pid: u32, field: usize) -> Option<String> {
    stat_at(Path::new(&format!("/proc/{pid}/stat")), field)
}

/// Reads such a field of a process or a thread.
fn stat_at(path: &Path, field: usize) -> Option<String> {
    let stat = text::read(path).ok()?;
    behind_name(&stat)?.nth(field).map(str::to_owned)
}

/// Splits the fields of a `stat` line that follow the name.
pub(super) fn behind_name(stat: &[u8]) -> Option<impl Iterator<Item = &str>> {
    // The name, in brackets, may contain blanks, brackets, and bytes that are not UTF-8. The later
    // fields have no bracket, so the last one ends the name.
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let fields = std::str::from_utf8(&stat[end + 1..]).ok()?;
    Some(fields.split_ascii_whitespace())
}

/// Returns the start time of a process, in clock ticks since boot. It tells the process from
/// earlier and later ones with the same pid.
pub(crate) fn identity(pid: u32) -> Option<u64> {
    stat(pid, 19)?.parse().ok()
}

/// Returns the command line for messages, or the short name if the process has no arguments.
pub(crate) fn command_line(pid: u32) -> Option<String> {
    // A zombie and a kernel thread have an empty command line (`proc_pid_cmdline(5)`).
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

/// Returns the short name, with a replacement character for bytes that are not UTF-8.
fn short_name(pid: u32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    Some(String::from_utf8_lossy(name.trim_ascii_end()).into_owned())
}

/// Returns the file names of the program that a process runs, the most certain first: its
/// executable, the program that an emulator runs, and the short name. Only the short name is
/// readable for other users' processes.
pub(crate) fn programs(pid: u32) -> Vec<String> {
    let exe = fs::read_link(format!("/proc/{pid}/exe")).ok();
    let exe = exe.map(|path| file_name(path.as_os_str().as_bytes()));
    // The kernel adds this to the path of a file without a name (`proc_pid_exe(5)`).
    let exe = exe.map(|name| name.trim_end_matches(" (deleted)").to_owned());
    let is_emulated = exe.as_deref().is_some_and(emulator::is_one);
    let line = is_emulated.then(|| fs::read(format!("/proc/{pid}/cmdline")).ok());
    let emulated = line
        .flatten()
        .and_then(|line| emulator::program(&line).map(file_name));
    // The short name is from the file that the kernel was asked to run, even if it runs an emulator
    // (`binfmt_misc`) or an interpreter instead.
    [exe, emulated, short_name(pid)]
        .into_iter()
        .flatten()
        .collect()
}

fn file_name(path: &[u8]) -> String {
    let name = path.rsplit(|byte| *byte == b'/').next();
    String::from_utf8_lossy(name.unwrap_or_default()).into_owned()
}

/// Returns the effective user of a process. The owner of `/proc/<pid>` says less: it is root if the
/// process is not dumpable (`proc(5)`).
pub(crate) fn user(pid: u32) -> Option<u32> {
    let status = fs::read(format!("/proc/{pid}/status")).ok()?;
    // The text starts with the process's name, which may be any bytes.
    let status = String::from_utf8_lossy(&status);
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    // The real uid comes first, then the effective one.
    uids.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Returns the directory where the process looks for files with relative paths.
pub(crate) fn working_directory(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/cwd")).ok()
}

/// Returns the id of this boot of the machine.
pub(crate) fn boot() -> String {
    // After a reboot pids and start times repeat, so an identity needs the boot as well.
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    boot.trim().to_owned()
}

/// Returns the id of this process's pid namespace (`pid_namespaces(7)`).
pub(crate) fn namespace() -> String {
    let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    link.display().to_string()
}

/// The id of a socket: its inode.
pub(crate) type SocketId = u32;

/// Whether a process holds a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Holds {
    Yes,
    No,
    /// Its descriptors can't be read: another user's process, or a privileged program.
    Unknown,
}

/// Says whether a process holds a socket. Fails if the descriptors can't be read now, such as for
/// lack of a descriptor.
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
            // The process may close a descriptor between the listing and this look. `unread` reads
            // that `ENOENT` as `No`: a closed descriptor is not the socket.
            Err(error) => match unread(error, pid)? {
                Holds::No => {}
                unknown => return Ok(unknown),
            },
        }
    }
    Ok(Holds::No)
}

/// Interprets an error from reading the descriptors of a process.
fn unread(error: io::Error, pid: u32) -> io::Result<Holds> {
    match error.kind() {
        // The process has ended since the caller listed it, and the kernel has closed its files.
        _ if has_gone(&error) => Ok(Holds::No),
        // A zombie holds nothing, but its descriptors can't be read either.
        io::ErrorKind::PermissionDenied if has_ended(pid) => Ok(Holds::No),
        io::ErrorKind::PermissionDenied => Ok(Holds::Unknown),
        _ => Err(error),
    }
}

/// Whether the process is a zombie, or does not exist.
pub(crate) fn has_ended(pid: u32) -> bool {
    let state = stat(pid, 0);
    state.is_none_or(|state| state == "Z" || state == "X")
}

/// Lists the sockets that a process holds, as far as they are readable.
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

/// Whether the process is stopped, or has ended.
pub(crate) fn is_halted(pid: u32) -> bool {
    let state = stat(pid, 0);
    // T is stopped by a signal, t by a tracer, Z a zombie, X dead (`proc_pid_stat(5)`).
    state.is_none_or(|state| ["T", "t", "Z", "X"].contains(&state.as_str()))
}

/// Returns the time that the process has spent on a processor.
pub(crate) fn processor_time(pid: u32) -> Option<Duration> {
    let text = text::read(format!("/proc/{pid}/schedstat")).ok()?;
    let text = String::from_utf8(text).ok()?;
    // The first field counts the nanoseconds on a processor, which `/proc/<pid>/stat` has in clock
    // ticks only.
    let nanoseconds = text.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

/// Whether the process has ended, or is exiting: it may still hold files that are no longer
/// visible.
pub(crate) fn is_ending(pid: u32) -> bool {
    /// `PF_EXITING` in the kernel.
    const EXITING: u64 = 4;
    let stat = text::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    let Some(mut fields) = behind_name(&stat) else {
        return true;
    };
    let state = fields.next();
    // The kernel sets this flag first. Then it takes the table of descriptors from the process, so
    // `/proc` shows none, and only then closes the files. Between these steps a port looks unowned
    // and is still bound.
    let flags = fields.nth(5).and_then(|flags| flags.parse::<u64>().ok());
    state.is_none_or(|state| state == "Z" || state == "X")
        || flags.is_none_or(|flags| flags & EXITING != 0)
}

/// Whether a thread of the process runs, is ready to run, or waits for a disk.
pub(crate) fn is_busy(pid: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    let mut tasks = tasks.into_iter().flatten().flatten();
    tasks.any(|task| {
        // `/proc/<pid>/stat` has the state of the main thread only, so ask each thread.
        let state = stat_at(&task.path().join("stat"), 0);
        state.is_some_and(|state| state == "R" || state == "D")
    })
}

/// Whether the main thread of the process sleeps until an event. A thread that was woken does not
/// sleep, even before it gets a processor.
pub(crate) fn is_asleep(pid: u32) -> bool {
    stat(pid, 0).is_some_and(|state| state == "S")
}

/// Finds a process that holds a socket, if one is visible. It reads all processes, so use it only
/// for error messages.
pub(crate) fn holder_of_socket(inode: SocketId) -> Option<u32> {
    all()
        .unwrap_or_default()
        .into_iter()
        // Several processes share a socket after a fork. For a message the first will do.
        .find(|pid| matches!(holds_socket(*pid, inode), Ok(Holds::Yes)))
}

/// Whether the process is in another network namespace than this one (`network_namespaces(7)`).
pub(crate) fn has_other_network(pid: u32) -> bool {
    // The link's text has the inode of the namespace, which is unique while both exist.
    let network = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    let theirs = network(&pid.to_string());
    theirs.is_some() && theirs != network("self")
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
