//! Killing until nobody is left, or until those who are left can't be killed.

use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::Pid;

use super::tree;
use crate::sys::{family, proc};

/// The first pause between two looks: somebody may have forked while others were killed.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// The longest one, for processes that do not end.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A process that was killed ends within this time, unless the kernel keeps it.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// When to look again at processes that were killed. The pauses grow as long as these stay the same
/// ones, so that a process which does not end costs nothing.
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

    /// Takes note of who is left.
    pub(super) fn note(&mut self, left: Vec<u32>) {
        self.looked = Instant::now();
        if self.left.is_empty() {
            self.began = self.looked;
        }
        self.pause = match left == self.left {
            true => (self.pause * 2).min(LONGEST_PAUSE),
            false => FIRST_PAUSE,
        };
        self.left = left;
    }

    /// When to look again.
    pub(super) fn due(&self) -> Instant {
        self.looked + self.pause
    }

    /// Who is left after a time in which a process that was killed ends: nobody, before that.
    pub(super) fn survivors(&self, patience: Duration) -> Vec<u32> {
        if self.left.is_empty() || self.began.elapsed() < patience {
            return Vec::new();
        }
        let left = self.left.iter().copied();
        left.filter(|pid| !proc::has_ended(*pid)).collect()
    }
}

/// The end of a whole family.
pub(super) struct Killing {
    pace: Pace,
    /// Somebody has ended since the last look: its children may have become ours.
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

    /// Kills everybody, if it is time for that.
    pub(super) fn go_on(&mut self) {
        if std::mem::take(&mut self.is_due) || Instant::now() >= self.due() {
            tree::kill_all();
            self.pace.note(family::everybody());
        }
    }

    /// Who is left after [`PATIENCE`]; told once.
    pub(super) fn survivors(&mut self) -> Option<Vec<u32>> {
        let left = match self.told {
            true => Vec::new(),
            false => self.pace.survivors(PATIENCE),
        };
        self.told |= !left.is_empty();
        (!left.is_empty()).then_some(left)
    }
}

/// Whether we may not signal one of these: one that has become another user. No further attempt will
/// change that.
pub(super) fn are_out_of_reach(pids: &[u32]) -> bool {
    let pids = pids.iter().filter_map(|pid| Pid::from_raw(*pid as i32));
    let mut tests = pids.map(rustix::process::test_kill_process);
    tests.any(|test| test == Err(Errno::PERM))
}

/// What to call processes, for people.
pub(super) fn names(pids: &[u32]) -> Vec<String> {
    let command = |pid| proc::command_line(pid).unwrap_or_else(|| "?".to_owned());
    let name = |pid: &u32| format!("pid {pid} (`{}`)", command(*pid));
    pids.iter().map(name).collect()
}
