//! The family of a guard, which is all of a service. The kernel keeps it together: the guard is a
//! subreaper (`PR_SET_CHILD_SUBREAPER(2const)`), so whoever loses its parent becomes its child.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags};

use super::proc;
use crate::sys::Signal;

/// A child of ours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) pid: u32,
}

impl Member {
    /// Signals this one alone: nobody but us reaps it, so its pid is nobody else's.
    pub(crate) fn signal(self, signal: Signal) {
        let pid = Pid::from_raw(self.pid as i32);
        if let (Some(pid), Some(signal)) = (pid, signal.to_rustix()) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

/// Can be read when somebody of the family has ended.
pub(crate) struct Ends(OwnedFd);

impl Ends {
    /// Those of a guard's family. `children`: can be read when a child has ended.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "on other systems there is more to do"
    )]
    pub(crate) fn of_guard(children: OwnedFd) -> io::Result<Ends> {
        // Where it is refused the warden has said so.
        let _ = adopt_orphans();
        Ok(Ends(children))
    }

    /// Those of guards: what one leaves that was killed becomes the warden's.
    pub(crate) fn of_warden(children: OwnedFd) -> io::Result<Ends> {
        Ends::of_guard(children)
    }

    /// That child was started. What is told already stays told: it may be of that one's end.
    pub(crate) fn started(&self, _child: u32) {}

    /// Takes note of what has happened. Do it before a look at what it was about.
    pub(crate) fn note(&self) {
        let _ = rustix::io::read(&self.0, &mut [0; 64]);
    }

    /// Closes the copy that a fork has made, which must not touch it again.
    pub(crate) fn close_copy(&self) {
        // SAFETY: the caller is a child that never touches it again.
        let _ = unsafe { libc::close(self.0.as_raw_fd()) };
    }
}

/// Has those who lose their parent below this process become its children.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(
        rustix::process::getpid(),
    ))?)
}

impl AsFd for Ends {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Everybody in the family, parents before their children.
pub(crate) fn everybody() -> Vec<u32> {
    proc::descendants(std::process::id())
}

/// Those who are to be killed first: our own children. The others become that.
pub(crate) fn nearest() -> Vec<Member> {
    let children = proc::children(std::process::id()).into_iter();
    children.map(|pid| Member { pid }).collect()
}

/// Whether nobody is left, told when no child is: each descendant would have one of our children
/// above it, or be one.
pub(crate) fn is_gone() -> bool {
    true
}

/// Somebody of the family who has ended without being our child: there is none.
pub(crate) fn ended() -> Option<u32> {
    None
}

/// Signals every descendant of a process that is a descendant of ours, or ourselves.
pub(crate) fn signal_below(root: u32, signal: Signal) {
    let me = std::process::id();
    let Some(signal) = signal.to_rustix() else {
        return;
    };
    for found in proc::descendants(root) {
        let Some(pid) = Pid::from_raw(found as i32) else {
            continue;
        };
        // A pidfd first, the parent after it: had the pid been reused in between, the stranger
        // that has it now would not be below us.
        let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty());
        if !proc::is_below(found, me) {
            continue;
        }
        let sent = pidfd.and_then(|pidfd| rustix::process::pidfd_send_signal(&pidfd, signal));
        // A kernel before 5.3, a seccomp profile that is older, or no descriptor to be had. Right
        // after the look the pid could be a stranger's only if the system had given all others in
        // between.
        if matches!(sent, Err(error) if error != Errno::SRCH) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

/// Has a program that is about to be exec'ed die with its guard: the second belt, for a guard that
/// is itself killed.
pub(crate) fn die_with_guard() -> io::Result<()> {
    let kill = rustix::process::Signal::KILL;
    Ok(rustix::process::set_parent_process_death_signal(Some(
        kill,
    ))?)
}

/// What guards that were killed have left to their warden.
pub(crate) struct Orphans;

impl Orphans {
    pub(crate) fn new() -> Orphans {
        Orphans
    }

    /// That a guard has ended, in whatever way.
    pub(crate) fn guard_ended(&mut self, _: u32) {}

    /// Everybody below us who has no guard any more.
    pub(crate) fn find(&mut self, guards: &[u32]) -> Vec<Member> {
        let children = nearest().into_iter();
        children
            .filter(|child| !guards.contains(&child.pid) && !proc::has_ended(child.pid))
            .collect()
    }
}
