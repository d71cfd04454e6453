//! What a process hands down to those that it starts, beside what it says to each.

use rustix::process::{Resource, getegid, geteuid, getgroups, getrlimit};

const LIMITS: [Resource; 8] = [
    Resource::Cpu,
    Resource::Fsize,
    Resource::Data,
    Resource::Stack,
    Resource::Core,
    Resource::Nproc,
    Resource::Nofile,
    Resource::As,
];

/// What a child of this process would inherit now: user, groups, limits and priority, as text to be
/// compared. Nobody but a change tells the umask here.
pub(crate) fn here() -> String {
    let groups = getgroups().unwrap_or_default();
    let limits = LIMITS.map(getrlimit);
    // SAFETY: it takes numbers; 0 is the calling process.
    let nice = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    format!(
        "{:?} {:?} {groups:?} {limits:?} {nice}",
        geteuid(),
        getegid()
    )
}
