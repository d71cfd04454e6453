//! The processes below a process, and the states of their threads.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use super::{proc, text};

/// Lists the children of a process, zombies included, as far as they are visible.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    try_children(pid).unwrap_or_default()
}

/// Lists the children of a process. Fails if they are not visible, so an empty list means no
/// children.
fn try_children(pid: u32) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    let threads = match threads(pid) {
        // An ended process has no children: the kernel has given them to its reaper.
        Err(error) if has_gone(&error) => return Ok(found),
        threads => threads?,
    };
    for thread in threads {
        match children_of(pid, thread) {
            Ok(pids) => found.extend(pids),
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

/// Lists the threads of a process.
pub(super) fn threads(pid: u32) -> io::Result<Vec<u32>> {
    let path = format!("/proc/{pid}/task");
    // The directory has two links of its own, and one for each thread. Most processes have one thread,
    // and its number is the pid.
    if fs::metadata(&path)?.nlink() == 3 {
        return Ok(vec![pid]);
    }
    let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    let entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    Ok(entries.into_iter().filter_map(number).collect())
}

/// Lists the children that a thread has forked: the kernel keeps a list for each thread
/// (`proc_tid_children(5)`).
fn children_of(pid: u32, thread: u32) -> io::Result<Vec<u32>> {
    let pids = text::read_list(format!("/proc/{pid}/task/{thread}/children"))?;
    let pids = String::from_utf8_lossy(&pids);
    Ok(pids.split_ascii_whitespace().flat_map(str::parse).collect())
}

fn children_by_parent(pid: u32) -> io::Result<Vec<u32>> {
    // This reads a file of each process on the machine, so it is only the fallback.
    let all = all()?.into_iter();
    Ok(all
        .filter(|child| proc::parent(*child) == Some(pid))
        .collect())
}

/// Whether an error says that the process or thread no longer exists.
pub(super) fn has_gone(error: &io::Error) -> bool {
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
        let below = children(found[next])?;
        add(&mut found, below);
        next += 1;
    }
    Ok(found)
}

fn add(found: &mut Vec<u32>, children: Vec<u32>) {
    for pid in children {
        // A process moves up the tree when its parent ends, and may turn up twice.
        if !found.contains(&pid) {
            found.push(pid);
        }
    }
}

/// Whether a thread of the service runs, is ready to run, or waits for a disk, or the leader has ended.
pub(crate) fn is_service_busy(guard: u32, leader: u32) -> bool {
    let mut found = children(guard);
    let mut next = 0;
    while next < found.len() {
        let pid = found[next];
        next += 1;
        let threads = threads(pid).unwrap_or_default();
        if pid == leader && threads.is_empty() {
            return true;
        }
        for thread in threads {
            // `/proc/<pid>/stat` has the state of the main thread only, so ask each thread. The state
            // comes before the children: a thread that is blocked does not fork.
            match proc::thread_state(pid, thread).as_deref() {
                Some("R" | "D") => return true,
                // A program may go on without its first thread.
                None | Some("Z" | "X") if thread == leader && proc::is_ending(pid) => return true,
                _ => {}
            }
            add(&mut found, children_of(pid, thread).unwrap_or_default());
        }
    }
    !found.contains(&leader) && proc::has_ended(leader)
}

/// Whether a process is a descendant of `root`.
pub(crate) fn is_below(mut pid: u32, root: u32) -> bool {
    // Bounded: pids may be reused while this climbs, and even make a circle.
    for _ in 0..4096 {
        match proc::parent(pid) {
            Some(parent) if parent == root => return true,
            // Process 1 and 0 end the climb: the first has no parent here, the second is outside
            // the namespace.
            Some(parent) if parent > 1 => pid = parent,
            _ => return false,
        }
    }
    false
}

/// Whether a process is certainly no descendant of a root, nor a root itself.
pub(super) fn is_elsewhere(mut pid: u32, is_root: impl Fn(u32) -> bool) -> bool {
    for _ in 0..4096 {
        if is_root(pid) {
            return false;
        }
        match proc::parent(pid) {
            // See `is_below`.
            Some(0 | 1) => return true,
            Some(parent) => pid = parent,
            // It has ended during the climb, so its child has moved.
            None => return false,
        }
    }
    false
}

/// Lists all processes.
pub(super) fn all() -> io::Result<Vec<u32>> {
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
        assert_eq!(proc::parent(child.id()), Some(me));
        assert!(children(me).contains(&child.id()));
        assert!(children_by_parent(me).unwrap().contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(proc::parent(child.id()), None);
    }

    #[test]
    fn a_process_knows_its_threads() {
        let mut child = std::process::Command::new("sleep")
            .arg("100")
            .spawn()
            .unwrap();
        assert_eq!(threads(child.id()).unwrap(), [child.id()]);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(has_gone(&threads(child.id()).unwrap_err()));
        std::thread::scope(|scope| {
            let other = scope.spawn(|| rustix::thread::gettid().as_raw_nonzero().get() as u32);
            let me = rustix::thread::gettid().as_raw_nonzero().get() as u32;
            let all = threads(std::process::id()).unwrap();
            assert!(all.len() > 1 && all.contains(&me), "{all:?}");
            assert!(!threads(std::process::id()).unwrap().is_empty());
            assert_ne!(other.join().unwrap(), me);
        });
    }
}
