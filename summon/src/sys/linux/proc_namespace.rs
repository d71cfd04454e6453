//! Whether `/proc` shows the pid namespace of this process and its guards (`pid_namespaces(7)`).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::text;
use crate::sys::maker::PerProcess;
use crate::sys::requirement::Unmet;

/// Says what is wrong with `/proc`, so that no service can be started. With another namespace's
/// `/proc` a guard would read pids of strangers, or pids without a process.
pub(crate) fn unmet() -> Option<Unmet> {
    /// The pid namespace of this process, once `/proc` was found to show it. A process never changes
    /// that namespace, only that of its children.
    static SHOWN: PerProcess<OnceLock<PathBuf>> = PerProcess::new();
    let shown = SHOWN.here();
    if shown.get().is_some_and(|own| children_are_in(own)) {
        return None;
    }
    if !Path::new("/proc/self").exists() && !Path::new("/proc/1").exists() {
        return Some(Unmet {
            what: "it can't be guarded: `/proc` is not mounted",
            lacks: "the list of processes, by which a guard finds all of a service",
            hint: "mount it: `mount -t proc proc /proc`",
        });
    }
    // A guard finds the members of its family by their pids in `/proc`, and signals them by these.
    // A pid of another namespace means another process here.
    if !is_ours() {
        return Some(Unmet {
            what: "it can't be guarded: `/proc` shows the processes of another pid namespace",
            lacks: "the list of processes of this namespace, by which a guard finds all of a service",
            hint: "mount it anew: `unshare --mount-proc` does, or `mount -t proc proc /proc`",
        });
    }
    let own = fs::read_link("/proc/self/ns/pid").ok();
    // Kernels before 4.12 lack the link of the children.
    let is_known = Path::new(CHILDREN).symlink_metadata().is_ok();
    if is_known && !own.as_deref().is_some_and(children_are_in) {
        return Some(Unmet {
            what: "it can't be guarded: new processes of this one are in another pid namespace",
            lacks: "the list of processes of their namespace, by which a guard finds all of a service",
            hint: "start this process in the namespace, by `unshare --pid --fork --mount-proc`",
        });
    }
    if let Some(own) = own.filter(|_| is_known) {
        let _ = shown.set(own);
    }
    None
}

/// Names the pid namespace of the next child (`pid_namespaces(7)`).
const CHILDREN: &str = "/proc/self/ns/pid_for_children";

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

/// Whether this process forks children into that pid namespace (`unshare(2)` can change that).
fn children_are_in(namespace: &Path) -> bool {
    // While another namespace has no process, the link has no target.
    fs::read_link(CHILDREN).is_ok_and(|children| children == namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn here_nothing_is_missing() {
        assert!(unmet().is_none());
    }
}
