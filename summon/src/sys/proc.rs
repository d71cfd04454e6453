//! What `/proc` tells of other processes (`proc(5)`). All of it is a picture of a moment: callers
//! look again before they believe something that would be an error.

use std::fs;
use std::io;

/// The children of a process, zombies included.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return found;
    };
    for task in tasks.flatten() {
        match fs::read_to_string(task.path().join("children")) {
            Ok(pids) => found.extend(pids.split_ascii_whitespace().flat_map(str::parse::<u32>)),
            // The thread has just ended.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            // A kernel without CONFIG_PROC_CHILDREN.
            Err(_) => return children_by_parent(pid),
        }
    }
    found
}

fn children_by_parent(pid: u32) -> Vec<u32> {
    all()
        .into_iter()
        .filter(|child| parent(*child) == Some(pid))
        .collect()
}

/// Every process below `root`, parents before their children, `root` itself left out.
pub(crate) fn descendants(root: u32) -> Vec<u32> {
    let mut found = children(root);
    let mut next = 0;
    while next < found.len() {
        for pid in children(found[next]) {
            // A process that moved while we looked may turn up twice.
            if !found.contains(&pid) {
                found.push(pid);
            }
        }
        next += 1;
    }
    found
}

/// The process's parent, `None` when there is no such process any more.
pub(crate) fn parent(pid: u32) -> Option<u32> {
    stat(pid, 1)?.parse().ok()
}

/// A field of `/proc/<pid>/stat`, counted from the first behind the name.
fn stat(pid: u32, field: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may itself contain spaces and brackets.
    let after_name = &stat[stat.rfind(')')? + 1..];
    let mut fields = after_name.split_ascii_whitespace();
    fields.nth(field).map(str::to_owned)
}

/// When the process began, in clock ticks since the system was booted: with the pid, its identity.
pub(crate) fn began(pid: u32) -> Option<u64> {
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
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        return Some(name.trim_end().to_owned());
    }
    Some(words.join(" "))
}

/// Whether a process holds a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Holds {
    Yes,
    No,
    /// Its descriptors can't be read: another user's, or a program with privileges.
    Unknown,
}

pub(crate) fn holds_socket(pid: u32, inode: u32) -> Holds {
    let wanted = format!("socket:[{inode}]");
    let entries = match fs::read_dir(format!("/proc/{pid}/fd")) {
        Ok(entries) => entries,
        // What has ended holds nothing, though its descriptors can't be read either.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !has_ended(pid) => {
            return Holds::Unknown;
        }
        Err(_) => return Holds::No,
    };
    for entry in entries.flatten() {
        match fs::read_link(entry.path()) {
            Ok(target) if target.as_os_str() == wanted.as_str() => return Holds::Yes,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !has_ended(pid) => {
                return Holds::Unknown;
            }
            _ => {}
        }
    }
    Holds::No
}

/// Whether the process is a zombie, or not there.
pub(crate) fn has_ended(pid: u32) -> bool {
    let state = stat(pid, 0);
    state.is_none_or(|state| state == "Z" || state == "X")
}

/// The sockets that a process holds, as far as that can be read.
pub(crate) fn sockets(pid: u32) -> Vec<u32> {
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

/// Whether the process has ended, or is about to: what it holds may not be seen any more, and be
/// held all the same.
pub(crate) fn is_ending(pid: u32) -> bool {
    /// `PF_EXITING` in the kernel.
    const EXITING: u64 = 4;
    let flags = stat(pid, 6).and_then(|flags| flags.parse::<u64>().ok());
    has_ended(pid) || flags.is_none_or(|flags| flags & EXITING != 0)
}

/// Some process that holds a socket, if the system lets us see one. Looks at everything, so it
/// is for error messages alone.
pub(crate) fn holder_of_socket(inode: u32) -> Option<u32> {
    all()
        .into_iter()
        .find(|pid| holds_socket(*pid, inode) == Holds::Yes)
}

/// Whether the process has a network of its own, other than ours (`network_namespaces(7)`).
pub(crate) fn has_other_network(pid: u32) -> bool {
    let network = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    let theirs = network(&pid.to_string());
    theirs.is_some() && theirs != network("self")
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

fn all() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
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
        assert!(children_by_parent(me).contains(&child.id()));
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
        assert_eq!(holds_socket(std::process::id(), inode), Holds::Yes);
        assert_eq!(holder_of_socket(inode), Some(std::process::id()));
        drop(socket);
        assert_eq!(holds_socket(std::process::id(), inode), Holds::No);
    }
}
