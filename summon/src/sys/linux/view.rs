//! Whether `/proc` shows the pid namespace of this process and its guards (`pid_namespaces(7)`).

use std::fs;
use std::path::Path;

use super::text;
use crate::sys::missing::Missing;

/// Says what is wrong with `/proc`, so that no service can be started. With another namespace's
/// `/proc` a guard would read pids of strangers, or pids without a process.
pub(crate) fn missing() -> Option<Missing> {
    if !Path::new("/proc/self").exists() && !Path::new("/proc/1").exists() {
        return Some(Missing {
            what: "it can't be guarded: `/proc` is not mounted",
            lacks: "the list of processes, by which a guard finds all of a service",
            hint: "mount it: `mount -t proc proc /proc`",
        });
    }
    // A guard finds the members of its family by their pids in `/proc`, and signals them by these.
    // A pid of another namespace means another process here.
    if !is_ours() {
        return Some(Missing {
            what: "it can't be guarded: `/proc` shows the processes of another pid namespace",
            lacks: "the list of processes of this namespace, by which a guard finds all of a service",
            hint: "mount it anew: `unshare --mount-proc` does, or `mount -t proc proc /proc`",
        });
    }
    if !children_are_here() {
        return Some(Missing {
            what: "it can't be guarded: new processes of this one are in another pid namespace",
            lacks: "the list of processes of their namespace, by which a guard finds all of a service",
            hint: "start this process in the namespace, by `unshare --pid --fork --mount-proc`",
        });
    }
    None
}

/// Whether `/proc` shows the pid namespace of this process. In a parent namespace this process has
/// several pids, in an unrelated namespace it has none.
fn is_ours() -> bool {
    let Ok(status) = text::read("/proc/self/status") else {
        return false;
    };
    let me = std::process::id().to_string();
    let mut lines = status.split(|byte| *byte == b'\n');
    match lines.find_map(|line| line.strip_prefix(b"NSpid:")) {
        // The line lists this process's pid in each namespace from that of `/proc` down to its own.
        // One pid means that both are the same.
        Some(pids) => pids.trim_ascii() == me.as_bytes(),
        // Kernels before 4.1 lack the line.
        None => fs::read_link("/proc/self").is_ok_and(|own| own.as_os_str() == me.as_str()),
    }
}

/// Whether this process forks children into its own pid namespace (`unshare(2)` can change that).
fn children_are_here() -> bool {
    let children = Path::new("/proc/self/ns/pid_for_children");
    // Kernels before 4.12 lack the link.
    children.symlink_metadata().is_err()
        // While the other namespace has no process, the link has no target.
        || fs::read_link(children).ok() == fs::read_link("/proc/self/ns/pid").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn here_nothing_is_missing() {
        assert!(missing().is_none());
    }
}
