//! The family of a guard: all processes of a service. The kernel keeps it together: the guard is a
//! subreaper (`PR_SET_CHILD_SUBREAPER(2const)`), so an orphan below it becomes its child.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags};

use super::proc;
use crate::sys::Signal;

/// A child of this process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) pid: u32,
}

impl Member {
    /// Signals this process alone.
    pub(crate) fn signal(self, signal: Signal) {
        // Only this process reaps its children. So the pid stays with this child, as a zombie at
        // least, and can't belong to a stranger.
        let pid = Pid::from_raw(self.pid as i32);
        if let (Some(pid), Some(signal)) = (pid, signal.to_rustix()) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

/// A descriptor that is readable when a member of the family has ended.
pub(crate) struct ChildEnds(OwnedFd);

impl ChildEnds {
    /// Watches the family of a guard. `children` is readable when a child has ended.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "on other systems there is more to do"
    )]
    pub(crate) fn of_guard(children: OwnedFd) -> io::Result<ChildEnds> {
        // If the kernel refuses, the warden has already reported it.
        let _ = adopt_orphans();
        Ok(ChildEnds(children))
    }

    /// Watches the guards of a warden. The family of a killed guard becomes the warden's.
    pub(crate) fn of_warden(children: OwnedFd) -> io::Result<ChildEnds> {
        // The warden is a subreaper too. The kernel gives an orphan to its nearest living
        // subreaper, so the members of a killed guard's family become children of the warden, not
        // of process 1.
        ChildEnds::of_guard(children)
    }

    /// Takes note of a new child. Earlier events stay, since one may be this child's end.
    pub(crate) fn started(&self, _child: u32) {}

    /// Consumes the events so far. Call it before looking at the processes.
    pub(crate) fn note(&self) {
        // Looking first would lose an end: of a child that ends after the look and before this
        // `read`. The `read` would consume its event, and the guard would sleep beside a zombie.
        let _ = rustix::io::read(&self.0, &mut [0; 64]);
    }

    /// Closes the copy in a forked child, which must not use it again.
    pub(crate) fn close_copy(&self) {
        // SAFETY: the caller is a forked child that never uses this value again, nor drops it.
        let _ = unsafe { libc::close(self.0.as_raw_fd()) };
    }
}

/// Makes this process a subreaper: orphans below it become its children.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(
        rustix::process::getpid(),
    ))?)
}

impl AsFd for ChildEnds {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Lists all members of the family, parents before their children.
pub(crate) fn everybody() -> Vec<u32> {
    proc::descendants(std::process::id())
}

/// Lists the members to kill first: the children of this process. When they have ended, their
/// children take their place.
pub(crate) fn nearest() -> Vec<Member> {
    // Children only. Their pids stay valid until this process reaps them, while the parent of a
    // grandchild may reap it between this list and the signal, and free its pid for a stranger.
    let children = proc::children(std::process::id()).into_iter();
    children.map(|pid| Member { pid }).collect()
}

/// Whether no member is left, asked when this process has no child. Then none is: each descendant
/// is a child of this process, or is below one.
pub(crate) fn is_gone() -> bool {
    true
}

/// Finds an ended member that is not a child. Linux has none.
pub(crate) fn ended() -> Option<u32> {
    None
}

/// Signals every descendant of `root`, which is this process or a descendant.
pub(crate) fn signal_below(root: u32, signal: Signal) {
    let me = std::process::id();
    let Some(signal) = signal.to_rustix() else {
        return;
    };
    // A child that is forked during this loop may be missing. That will do for a stop signal.
    // Killing repeats until no member is left.
    for found in proc::descendants(root) {
        let Some(pid) = Pid::from_raw(found as i32) else {
            continue;
        };
        // Open the pidfd first, then check the ancestry. If the pid was reused before the open, the
        // check meets the stranger, which is not below this process. If it is reused after the
        // open, the pidfd still names the old process, and the signal fails with `ESRCH`.
        let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty());
        if !proc::is_below(found, me) {
            continue;
        }
        let sent = pidfd.and_then(|pidfd| rustix::process::pidfd_send_signal(&pidfd, signal));
        // A kernel before 5.3, an older seccomp profile, or no free descriptor: signal by pid. The
        // kernel hands out pids in order, so a stranger could have this one only if all others were
        // handed out since the check.
        if matches!(sent, Err(error) if error != Errno::SRCH) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

/// Makes the program that this child will execute die with its guard. This is a second line of
/// defence, in case the guard itself is killed.
pub(crate) fn die_with_guard() -> io::Result<()> {
    // The kernel sends the signal when the thread that forked this child ends
    // (`PR_SET_PDEATHSIG(2const)`). A guard has one thread, so that is its end. `exec` keeps the
    // setting, except for set-user-id programs and the like.
    let kill = rustix::process::Signal::KILL;
    Ok(rustix::process::set_parent_process_death_signal(Some(
        kill,
    ))?)
}

/// The processes that killed guards have left to their warden.
pub(crate) struct Orphans;

impl Orphans {
    pub(crate) fn new() -> Orphans {
        Orphans
    }

    /// Takes note of the end of a guard.
    pub(crate) fn guard_ended(&mut self, _: u32) {}

    /// Finds the descendants without a guard.
    pub(crate) fn find(&mut self, guards: &[u32]) -> Vec<Member> {
        // The warden's own children are its guards. Each other child is an orphan of a killed
        // guard. A zombie needs no signal.
        let children = nearest().into_iter();
        children
            .filter(|child| !guards.contains(&child.pid) && !proc::has_ended(child.pid))
            .collect()
    }
}
