//! The attributes that a child inherits from its parent without being told.

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

/// Describes the attributes that a child of this process would inherit now, as text to compare:
/// user, groups, limits, and priority. The umask is missing, since it can't be read without
/// changing it.
pub(crate) fn here() -> String {
    let groups = getgroups().unwrap_or_default();
    // Compare both values of each limit: a child inherits the soft and the hard one
    // (`getrlimit(2)`).
    let limits = LIMITS.map(getrlimit);
    // SAFETY: `getpriority` takes numbers. 0 means the calling process.
    let nice = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    format!(
        "{:?} {:?} {groups:?} {limits:?} {nice}",
        geteuid(),
        getegid()
    )
}
