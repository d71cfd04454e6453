//! The processes below a guard: it reaps them, signals them, and kills every descendant.
//!
//! Only the guard reaps, so only the guard signals. The kernel can't reuse a child's pid before its
//! parent has reaped it.

use std::io;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitOptions};

use crate::sys::family::{self, Member};
use crate::sys::{Signal, proc};

/// The result of a look at children.
#[derive(PartialEq)]
pub(super) enum Reaped {
    /// An ended child and its wait status. It may be any descendant that was adopted.
    Child(u32, i32),
    /// No child has ended by now.
    Nobody,
    /// No process of the family is left.
    Childless,
}

/// Reaps one ended child, except `keep`, which is left as a zombie.
///
/// While the leader is a zombie, its pid stays taken, and so does the id of its process group. A
/// signal to the group can't reach a stranger.
pub(super) fn reap(keep: Option<u32>) -> io::Result<Reaped> {
    // Peek first, then reap by pid. `waitpid(-1)` could reap the leader, and from then on its pid
    // and its group could belong to a stranger.
    let peeked = peek()?;
    match peeked {
        // Waits for this pid only: the leader may have ended since the peek. The child is a zombie,
        // and only this thread reaps, so the call neither blocks nor fails.
        Reaped::Child(ended, _) if Some(ended) != keep => {
            rustix::process::waitpid(pid(ended), WaitOptions::NOHANG)?;
        }
        Reaped::Child(..) => {}
        Reaped::Nobody | Reaped::Childless => {
            // On macOS, a descendant may end as a child of process 1. Its status is unknown, and
            // reported as 0.
            if let Some(ended) = family::ended() {
                return Ok(Reaped::Child(ended, 0));
            }
        }
    }
    Ok(peeked)
}

/// Returns whether no process of the family is left, not even a zombie. Reaps nothing.
pub(super) fn are_gone() -> io::Result<bool> {
    Ok(peek()? == Reaped::Childless)
}

/// Reaps the children that ended while the leader is left as a zombie.
///
/// `peek` returns the leader each time, and so hides them. No stop command runs at this time, so
/// their statuses are not needed.
pub(super) fn reap_behind(leader: u32) {
    for child in family::nearest() {
        if child.pid != leader {
            // On macOS the family includes processes that are not children, and the call fails for
            // those (ECHILD).
            let _ = rustix::process::waitpid(pid(child.pid), WaitOptions::NOHANG);
        }
    }
}

/// Calls `waitid(2)` with WNOWAIT, which leaves the child a zombie. The kernel returns the eldest
/// child first, which is the leader.
fn peek() -> io::Result<Reaped> {
    // SAFETY: `siginfo_t` is plain old data, so all zeroes is a valid value. The kernel fills it
    // in.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: `info` is valid for writes during the call.
    if unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, options) } == -1 {
        let error = io::Error::last_os_error();
        return match error.raw_os_error() {
            // On Linux a guard without children has no descendants: each orphan was adopted before
            // its parent's end was reported. Elsewhere `is_gone` looks.
            Some(libc::ECHILD) if family::is_gone() => Ok(Reaped::Childless),
            Some(libc::ECHILD) => Ok(Reaped::Nobody),
            Some(libc::EINTR) => Ok(Reaped::Nobody),
            _ => Err(error),
        };
    }
    // SAFETY: `waitid` succeeded, so it set this field, or left it zero because no child has ended.
    let pid = unsafe { info.si_pid() };
    if pid == 0 {
        return Ok(Reaped::Nobody);
    }
    // SAFETY: a child has ended (`si_pid` is not zero), so `waitid` set this field.
    let value = unsafe { info.si_status() };
    // Builds the status that `waitpid` would return: code or signal in the classic layout, with
    // 0x80 for a core dump.
    let status = match info.si_code {
        libc::CLD_EXITED => (value & 0xff) << 8,
        libc::CLD_DUMPED => value | 0x80,
        _ => value,
    };
    Ok(Reaped::Child(pid as u32, status))
}

/// Signals the process group of a leader that was not reaped yet.
pub(super) fn signal_group(leader: u32, signal: Signal) {
    if let (Some(group), Some(signal)) = (pid(leader), signal.to_rustix()) {
        // ESRCH means that the group is empty, which is fine.
        let _ = rustix::process::kill_process_group(group, signal);
    }
}

/// Signals a child that was not reaped yet.
pub(super) fn signal_child(child: u32, signal: Signal) {
    if let (Some(child), Some(signal)) = (pid(child), signal.to_rustix()) {
        let _ = rustix::process::kill_process(child, signal);
    }
}

/// Returns the oldest living child.
pub(super) fn eldest_child() -> Option<u32> {
    let mut nearest = family::nearest().into_iter().map(|child| child.pid);
    nearest.find(|child| !proc::has_ended(*child))
}

/// Halts every descendant, also children forked during the call.
pub(super) fn halt_all() {
    // The number of rounds is bounded, in case a process forks faster than it can be halted.
    for _ in 0..100 {
        // A process that was listed may fork before its STOP arrives, and the new child is not on
        // the list. So the next round looks again, and the loop ends only when each process found
        // is halted. A halted process can't fork.
        signal_all(Signal::STOP);
        let all_halt = family::everybody().into_iter().all(proc::is_halted);
        if all_halt {
            return;
        }
        // A process takes a moment to halt after its signal, and only its parent is told. Without a
        // pause the loop would use up its rounds before that.
        let moment = Some(Instant::now() + Duration::from_micros(500));
        let _ = crate::sys::wait::sleep(&[], moment);
    }
}

/// Returns whether the leader's group has members. If the group's id was reused, the answer may be
/// a wrong yes, and the guard waits longer than needed.
pub(super) fn group_exists(leader: u32) -> bool {
    pid(leader).is_some_and(|group| rustix::process::test_kill_process_group(group).is_ok())
}

/// Signals every descendant individually, regardless of its group and session.
pub(super) fn signal_all(signal: Signal) {
    family::signal_below(std::process::id(), signal);
}

/// Kills every descendant, including those forked during the call.
///
/// A chain of processes can evade a single look: each lives just long enough to fork the next. So
/// this looks again until it finds no new child, within a short limit.
pub(super) fn kill_all() {
    signal_all(Signal::KILL);
    // `signal_all` walks a snapshot of the tree. A process forked after the snapshot becomes a
    // child of this guard when its parent dies (on Linux), so the loop below needs to look at
    // direct children only.
    let until = Instant::now() + MOMENT;
    let mut seen = Vec::new();
    loop {
        let new: Vec<Member> = family::nearest()
            .into_iter()
            // A killed child stays in the list until it is reaped, and this loop does not reap. So
            // a pid in `seen` can't be a new process: a zombie keeps its pid.
            .filter(|child| !seen.contains(child))
            .collect();
        new.iter().for_each(|child| child.signal(Signal::KILL));
        // Bounded, so that a chain that forks for ever can't keep the guard from its other events.
        // `Killing` starts the next round after a pause.
        if new.is_empty() || Instant::now() >= until {
            return;
        }
        seen.extend(new);
    }
}

const MOMENT: Duration = Duration::from_millis(20);

fn pid(pid: u32) -> Option<Pid> {
    Pid::from_raw(pid as i32)
}
