//! The descriptor tables of a process. Usually all threads share one, and the first thread shows it. But
//! the kernel shows none at a first thread that has ended, and a thread may have a table of its own
//! (`CLONE_FILES` in `unshare(2)`).

use std::ffi::c_ulong;
use std::path::PathBuf;

use super::{proc, process_tree};

/// The directory that lists the descriptors of a thread.
pub(super) fn path(pid: u32, thread: u32) -> PathBuf {
    format!("/proc/{pid}/task/{thread}/fd").into()
}

/// Returns one thread for each table that the first thread does not have. This is cheap: one look for a
/// process with one thread, and one call for each further thread.
pub(super) fn further(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let threads = process_tree::threads(pid).unwrap_or_default().into_iter();
    for thread in threads.filter(|thread| *thread != pid) {
        if !found.iter().any(|known| share_table(*known, thread)) {
            found.push(thread);
        }
    }
    found.split_off(1)
}

/// Whether two threads share their descriptors. Where the kernel does not tell, as in a sandbox, threads
/// share them, except with a thread that has ended.
fn share_table(known: u32, thread: u32) -> bool {
    /// `KCMP_FILES` in `linux/kcmp.h`.
    const FILES: c_ulong = 2;
    let [known_id, id] = [known, thread].map(c_ulong::from);
    let none: c_ulong = 0;
    // SAFETY: `kcmp` takes five numbers, and no pointer (`kcmp(2)`).
    match unsafe { libc::syscall(libc::SYS_kcmp, known_id, id, FILES, none, none) } {
        0 => true,
        -1 => !proc::has_ended(known),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn threads_have_one_table_unless_they_leave_it() {
        let me = std::process::id();
        let own = move || {
            let id = rustix::thread::gettid().as_raw_nonzero().get() as u32;
            (id, further(me))
        };
        let (shared, tables) = thread::spawn(own).join().unwrap();
        assert!(!tables.contains(&shared), "{tables:?}");
        // A sandbox may refuse `kcmp`.
        let tells = |pid: u32| {
            let (pid, none) = (c_ulong::from(pid), 0 as c_ulong);
            // SAFETY: as in `share_table`.
            unsafe { libc::syscall(libc::SYS_kcmp, pid, pid, none, none, none) == 0 }
        };
        if !tells(me) {
            return;
        }
        let leave = move || {
            // SAFETY: this thread uses no descriptor that another one opens later.
            unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::FILES) }.unwrap();
            own()
        };
        let (left, tables) = thread::spawn(leave).join().unwrap();
        assert!(tables.contains(&left), "{tables:?}");
    }
}
