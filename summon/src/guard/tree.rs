//! The guard's family: reaping, and killing every descendant.
//!
//! Only the guard reaps, so only the guard signals: a child's pid can't be reused before its
//! parent has reaped it.

use std::io;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitOptions};

use crate::sys::family::{self, Member};
use crate::sys::{Signal, proc};

/// Who has ended.
#[derive(PartialEq)]
pub(super) enum Reaped {
    /// A child, with its wait status. It may be any descendant that became ours.
    Child(u32, i32),
    /// Nobody, for now.
    Nobody,
    /// Nobody of the family is left.
    Childless,
}

/// Looks whether some child has ended, and leaves it unreaped if it is `keep`.
///
/// As long as the leader is a zombie its pid stays taken, and so does its group's id: a signal
/// to the group can't reach a stranger.
pub(super) fn reap(keep: Option<u32>) -> io::Result<Reaped> {
    let peeked = peek()?;
    match peeked {
        // This one and no other: the leader may have ended since we looked.
        Reaped::Child(ended, _) if Some(ended) != keep => {
            rustix::process::waitpid(pid(ended), WaitOptions::NOHANG)?;
        }
        Reaped::Child(..) => {}
        Reaped::Nobody | Reaped::Childless => {
            // Of one that is no child of ours nobody tells the status.
            if let Some(ended) = family::ended() {
                return Ok(Reaped::Child(ended, 0));
            }
        }
    }
    Ok(peeked)
}

/// Reaps who has ended behind a leader that is left unreaped, and that a look at all children would
/// find each time. No command of a stop runs then, so nobody asks for a status.
pub(super) fn reap_behind(leader: u32) {
    for child in family::nearest() {
        if child.pid != leader {
            // It fails for who is no child of ours, where a family has such.
            let _ = rustix::process::waitpid(pid(child.pid), WaitOptions::NOHANG);
        }
    }
}

/// `waitid(2)` with `WNOWAIT`; the kernel looks at the eldest child first, which is the leader.
fn peek() -> io::Result<Reaped> {
    // SAFETY: all zeroes is a valid `siginfo_t`, plain old data that the kernel fills in.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: `info` is a valid place for the answer.
    if unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, options) } == -1 {
        let error = io::Error::last_os_error();
        return match error.raw_os_error() {
            Some(libc::ECHILD) if family::is_gone() => Ok(Reaped::Childless),
            Some(libc::ECHILD) => Ok(Reaped::Nobody),
            Some(libc::EINTR) => Ok(Reaped::Nobody),
            _ => Err(error),
        };
    }
    // SAFETY: after a `waitid` that succeeded these fields are set, or zero if nobody has ended.
    let pid = unsafe { info.si_pid() };
    if pid == 0 {
        return Ok(Reaped::Nobody);
    }
    // SAFETY: as above.
    let value = unsafe { info.si_status() };
    let status = match info.si_code {
        libc::CLD_EXITED => (value & 0xff) << 8,
        libc::CLD_DUMPED => value | 0x80,
        _ => value,
    };
    Ok(Reaped::Child(pid as u32, status))
}

/// Signals the group of a leader that has not been reaped yet.
pub(super) fn signal_group(leader: u32, signal: Signal) {
    if let (Some(group), Some(signal)) = (pid(leader), signal.to_rustix()) {
        // It fails when nobody is left to hear it, which is fine.
        let _ = rustix::process::kill_process_group(group, signal);
    }
}

/// Signals a child that has not been reaped yet.
pub(super) fn signal_child(child: u32, signal: Signal) {
    if let (Some(child), Some(signal)) = (pid(child), signal.to_rustix()) {
        let _ = rustix::process::kill_process(child, signal);
    }
}

/// The child that is ours for the longest time, and lives.
pub(super) fn eldest_child() -> Option<u32> {
    let mut nearest = family::nearest().into_iter().map(|child| child.pid);
    nearest.find(|child| !proc::has_ended(*child))
}

/// Halts every descendant, those included that others fork before they are halted.
pub(super) fn halt_all() {
    // Bounded, for one who forks faster than he can be halted.
    for _ in 0..100 {
        signal_all(Signal::STOP);
        let all_halt = family::everybody().into_iter().all(proc::is_halted);
        if all_halt {
            return;
        }
        let moment = Some(Instant::now() + Duration::from_micros(500));
        let _ = crate::sys::wait::sleep(&[], moment);
    }
}

/// Whether anybody is left in the leader's group. Wrong only where the group's id was reused
/// since, and then in the direction that makes us wait.
pub(super) fn group_exists(leader: u32) -> bool {
    pid(leader).is_some_and(|group| rustix::process::test_kill_process_group(group).is_ok())
}

/// Signals every descendant, each by itself, whatever its group and session.
pub(super) fn signal_all(signal: Signal) {
    family::signal_below(std::process::id(), signal);
}

/// Kills every descendant, those included that are forked meanwhile, as far as that can be done
/// in a moment: a chain of processes of which each is there just long enough to fork the next one
/// has to be caught in between.
pub(super) fn kill_all() {
    signal_all(Signal::KILL);
    let until = Instant::now() + MOMENT;
    let mut seen = Vec::new();
    loop {
        let new: Vec<Member> = family::nearest()
            .into_iter()
            .filter(|child| !seen.contains(child))
            .collect();
        new.iter().for_each(|child| child.signal(Signal::KILL));
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
