//! The attributes that a child inherits from its parent without being told.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The lines of `/proc/thread-self/status` with such attributes.
const LINES: [&str; 12] = [
    "Umask",
    "Uid",
    "Gid",
    "Groups",
    "CapInh",
    "CapPrm",
    "CapEff",
    "CapBnd",
    "CapAmb",
    "NoNewPrivs",
    "Seccomp_filters",
    "Cpus_allowed",
];

/// The namespaces of a new child of this thread (`namespaces(7)`).
const NAMESPACES: [&str; 8] = [
    "cgroup",
    "ipc",
    "mnt",
    "net",
    "pid_for_children",
    "time_for_children",
    "user",
    "uts",
];

/// Describes the attributes that a child of this thread would inherit now, as text to compare:
/// user, groups, umask, capabilities, limits, processors, priority, namespaces, control group, and
/// root directory.
pub(crate) fn here() -> String {
    // The thread, not the process: a child inherits from the thread that forks it, and threads may
    // differ in user, capabilities, and namespaces (`credentials(7)`, `unshare(2)`).
    let this = Path::new("/proc/thread-self");
    let status = fs::read_to_string(this.join("status")).unwrap_or_default();
    let is_wanted = |line: &&str| {
        let name = line.split(':').next();
        name.is_some_and(|name| LINES.contains(&name))
    };
    let mut found: Vec<String> = status
        .lines()
        .filter(is_wanted)
        .map(str::to_owned)
        .collect();
    found.extend(["limits", "cgroup"].map(|file| {
        let text = fs::read_to_string(this.join(file));
        text.unwrap_or_default()
    }));
    found.extend(NAMESPACES.map(|name| {
        // The link's text names the namespace by its inode. A kernel without this kind of namespace
        // has no link, before and after.
        let target = fs::read_link(this.join("ns").join(name)).unwrap_or_default();
        target.display().to_string()
    }));
    // A link to the root would read `/` in every `chroot`, so compare device and inode.
    let root = fs::metadata("/").map(|found| (found.dev(), found.ino()));
    found.push(format!("{:?}", root.ok()));
    // SAFETY: `getpriority` takes numbers. 0 means the calling thread.
    let nice = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    // SAFETY: `sched_getscheduler` takes a number. 0 means the calling thread.
    let policy = unsafe { libc::sched_getscheduler(0) };
    found.push(format!("{nice} {policy}"));
    found.join("\n")
}
