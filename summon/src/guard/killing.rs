//! Kills processes until none is left, or only unkillable ones are left.

use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::Pid;

use super::children;
use crate::sys::{family, proc};

/// The first pause between two rounds. A process may have forked while the round killed others.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// The longest pause, for processes that do not end.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The time within which a killed process ends, unless the kernel holds it (state D in `ps(1)`).
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Decides when to look again at killed processes. While the same processes remain, the pauses
/// double, so a process that never ends costs almost no time.
pub(super) struct Pace {
    began: Instant,
    looked: Instant,
    pause: Duration,
    left: Vec<u32>,
}

impl Pace {
    pub(super) fn new() -> Pace {
        let now = Instant::now();
        Pace {
            began: now,
            looked: now,
            pause: FIRST_PAUSE,
            left: Vec::new(),
        }
    }

    /// Records which processes are left.
    pub(super) fn note(&mut self, left: Vec<u32>) {
        self.looked = Instant::now();
        // The clock starts when processes appear, so each batch gets the full patience, also in a
        // warden that finds orphans again and again.
        if self.left.is_empty() {
            self.began = self.looked;
        }
        // A changed list means progress, or a fork that escaped. Both call for a quick next round.
        self.pause = match left == self.left {
            true => (self.pause * 2).min(LONGEST_PAUSE),
            false => FIRST_PAUSE,
        };
        self.left = left;
    }

    /// Returns when to look again.
    pub(super) fn due(&self) -> Instant {
        self.looked + self.pause
    }

    /// Returns the processes that are still alive after `patience`. Empty before that.
    pub(super) fn survivors(&self, patience: Duration) -> Vec<u32> {
        if self.left.is_empty() || self.began.elapsed() < patience {
            return Vec::new();
        }
        let left = self.left.iter().copied();
        // A zombie has ended: SIGKILL did its work, and only the wait status is left.
        left.filter(|pid| !proc::has_ended(*pid)).collect()
    }
}

/// The killing of a whole family of processes.
pub(super) struct Killing {
    pace: Pace,
    /// A process has ended since the last round, so this process may have adopted its children.
    is_due: bool,
    told: bool,
}

impl Killing {
    pub(super) fn new() -> Killing {
        Killing {
            pace: Pace::new(),
            is_due: true,
            told: false,
        }
    }

    pub(super) fn due(&self) -> Instant {
        self.pace.due()
    }

    pub(super) fn hurry(&mut self) {
        self.is_due = true;
    }

    /// Kills all processes of the family if a round is due.
    pub(super) fn go_on(&mut self) {
        if std::mem::take(&mut self.is_due) || Instant::now() >= self.due() {
            // Kill, then look: the list has only processes that survived this round's signals, or
            // that were forked meanwhile.
            children::kill_all();
            self.pace.note(family::everybody());
        }
    }

    /// Returns the processes that are left after [`PATIENCE`], once.
    pub(super) fn survivors(&mut self) -> Option<Vec<u32>> {
        let left = match self.told {
            true => Vec::new(),
            false => self.pace.survivors(PATIENCE),
        };
        self.told |= !left.is_empty();
        (!left.is_empty()).then_some(left)
    }
}

/// Returns whether one of the processes can't be signalled, because it became another user. Further
/// attempts fail the same way (EPERM, `kill(2)`).
pub(super) fn are_out_of_reach(pids: &[u32]) -> bool {
    let pids = pids.iter().filter_map(|pid| Pid::from_raw(*pid as i32));
    // Signal 0 checks existence and permission only (`kill(2)`). A pid that was reused meanwhile
    // can at most end the wait early.
    let mut tests = pids.map(rustix::process::test_kill_process);
    tests.any(|test| test == Err(Errno::PERM))
}

/// Describes processes for reports.
pub(super) fn names(pids: &[u32]) -> Vec<String> {
    let command = |pid| proc::command_line(pid).unwrap_or_else(|| "?".to_owned());
    let name = |pid: &u32| format!("pid {pid} (`{}`)", command(*pid));
    pids.iter().map(name).collect()
}
