//! The attributes that a child inherits from its parent without being told.

use std::fmt::Write;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;

use rustix::fs::{CWD, Mode, OFlags, openat, readlinkat};

use super::text;

/// The namespaces of a new child of this thread (`namespaces(7)`).
const NAMESPACES: [&str; 8] = [
    "ns/cgroup",
    "ns/ipc",
    "ns/mnt",
    "ns/net",
    "ns/pid_for_children",
    "ns/time_for_children",
    "ns/user",
    "ns/uts",
];

/// The number of kinds of resource limits (`RLIM_NLIMITS`, `getrlimit(2)`).
const LIMITS: u32 = 16;

/// Describes the attributes that a child of this thread would inherit now, as text to compare:
/// user, groups, umask, capabilities, limits, processors, priority, namespaces, control group, and
/// root directory.
pub(crate) fn here() -> String {
    let mut found = String::with_capacity(4096);
    // A file that can't be read adds nothing, before and after.
    let _ = of_proc(&mut found);
    // A link to the root would read `/` in every `chroot`, so compare device and inode.
    let root = fs::metadata("/").map(|found| (found.dev(), found.ino()));
    // SAFETY: `getpriority` takes numbers. 0 means the calling thread.
    let nice = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    // SAFETY: `sched_getscheduler` takes a number. 0 means the calling thread.
    let policy = unsafe { libc::sched_getscheduler(0) };
    let _ = write!(found, "{:?} {nice} {policy}", root.ok());
    // System calls cost less than the text of `/proc/thread-self/limits`.
    for limit in 0..LIMITS {
        let mut now = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: `now` is valid for a write. A number that the kernel does not know is an error.
        let known = unsafe { libc::getrlimit(limit as _, &raw mut now) };
        let _ = write!(found, " {known} {} {}", now.rlim_cur, now.rlim_max);
    }
    found
}

/// Adds what `/proc` says of this thread.
fn of_proc(found: &mut String) -> rustix::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    // The thread, not the process: a child inherits from the thread that forks it, and threads may
    // differ in user, capabilities, and namespaces (`credentials(7)`, `unshare(2)`).
    let this = openat(
        CWD,
        "/proc/thread-self",
        flags | OFlags::PATH,
        Mode::empty(),
    )?;
    let read = |name: &str| -> String {
        let file = openat(&this, name, flags, Mode::empty()).map(File::from);
        let bytes = file.map(|file| text::read_from(file).unwrap_or_default());
        String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
    };
    for line in read("status").lines() {
        let name = line.split_once(':').map_or("", |(name, _)| name);
        if is_inherited(name) {
            found.push_str(line);
            found.push('\n');
        }
    }
    found.push_str(&read("cgroup"));
    for name in NAMESPACES {
        // The link's text names the namespace by its inode. A kernel without this kind of namespace
        // has no link, before and after.
        let target = readlinkat(&this, name, Vec::new()).unwrap_or_default();
        found.push_str(&target.to_string_lossy());
        found.push('\n');
    }
    Ok(())
}

/// Whether a line of `/proc/thread-self/status` describes such an attribute.
fn is_inherited(name: &str) -> bool {
    matches!(
        name,
        "Umask"
            | "Uid"
            | "Gid"
            | "Groups"
            | "CapInh"
            | "CapPrm"
            | "CapEff"
            | "CapBnd"
            | "CapAmb"
            | "NoNewPrivs"
            | "Seccomp_filters"
            | "Cpus_allowed"
    )
}
