//! The service of a guard: running, asked to end, killed, gone.

use std::time::{Duration, Instant};

use super::killing::{self, Killing};
use super::state::Whom;
use super::terms::StopPlan;
use super::tree::{self, Reaped};
use crate::sys::Signal;

pub(super) struct Service {
    pub(super) leader: u32,
    leader_reaped: bool,
    /// It forks away: whoever is left then is the leader.
    daemon: bool,
    /// The wait status of the leader, once it has ended.
    pub(super) exit: Option<i32>,
    paused: bool,
    phase: Phase,
    stop: StopPlan,
}

enum Phase {
    Running,
    /// It was asked to end. `asked_all`: so was everybody outside of its group.
    Stopping {
        /// The end of its grace, and of the time that it has asked for besides.
        grace: Instant,
        until: Instant,
        asked_all: bool,
        /// Who asks it, if not a signal.
        command: Option<u32>,
    },
    Killing(Killing),
    Gone,
}

/// What has become of a service on its way to its end.
pub(super) enum Progress {
    None,
    /// Its grace is over. This is said once.
    Killed,
    /// These processes do not end, though they were killed. This is said once.
    Survived(Vec<u32>),
}

/// What the end of children means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    None,
    /// The leader has ended.
    Ended,
    /// The leader has forked away: there is another one.
    NewLeader,
}

impl Service {
    pub(super) fn new(leader: u32, daemon: bool, stop: StopPlan) -> Service {
        Service {
            leader,
            leader_reaped: false,
            daemon,
            exit: None,
            paused: false,
            phase: Phase::Running,
            stop,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running)
    }

    pub(super) fn is_gone(&self) -> bool {
        matches!(self.phase, Phase::Gone)
    }

    /// When to go on with its end, whatever happens.
    pub(super) fn due(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Stopping { until, .. } => Some(*until),
            Phase::Killing(killing) => Some(killing.due()),
            Phase::Running | Phase::Gone => None,
        }
    }

    pub(super) fn signal(&self, signal: Signal, whom: Whom) {
        match whom {
            // A pid that nobody has reaped is nobody else's.
            Whom::Leader if !self.leader_reaped => tree::signal_child(self.leader, signal),
            Whom::Group if !self.leader_reaped && !self.daemon => {
                tree::signal_group(self.leader, signal);
            }
            // What a daemon's group is, nobody can tell.
            Whom::Group => tree::signal_all(signal),
            Whom::Leader => {}
        }
    }

    /// Has all its processes halt, or go on. One that is forked meanwhile is looked for again.
    pub(super) fn pause(&mut self, pause: bool) {
        self.paused = pause;
        if pause {
            tree::halt_all();
        } else {
            tree::signal_all(Signal::CONT);
        }
    }

    /// How it is to be asked to end, unless somebody says it otherwise.
    pub(super) fn plan(&self) -> StopPlan {
        self.stop.clone()
    }

    /// Asks it to end. `run` starts a command of the plan, and returns its pid.
    pub(super) fn stop(
        &mut self,
        plan: StopPlan,
        run: impl FnOnce(&[std::ffi::OsString]) -> Option<u32>,
    ) {
        self.stop = plan;
        if self.stop.grace.is_zero() {
            return self.kill();
        }
        let command = self.stop.command.as_deref().and_then(run);
        if command.is_none() {
            self.ask();
        }
        // A program that is halted hears nothing else until it goes on.
        match std::mem::take(&mut self.paused) {
            true => tree::signal_all(Signal::CONT),
            false => self.signal(Signal::CONT, Whom::Group),
        }
        let grace = Instant::now() + self.stop.grace;
        self.phase = Phase::Stopping {
            grace,
            until: grace,
            asked_all: false,
            command,
        };
    }

    fn ask(&self) {
        self.signal(
            self.stop.signal,
            match self.stop.only_leader {
                true => Whom::Leader,
                false => Whom::Group,
            },
        );
    }

    /// Gives it more time, if it is about to end and asks for that.
    pub(super) fn extend(&mut self, time: Duration) {
        if let Phase::Stopping { grace, until, .. } = &mut self.phase {
            let last = *grace + self.stop.most_extended();
            let asked = Instant::now().checked_add(time);
            *until = asked.map_or(last, |asked| asked.min(last)).max(*until);
        }
    }

    /// Takes back the time that it was given beyond its grace.
    pub(super) fn hurry(&mut self) {
        if let Phase::Stopping { grace, until, .. } = &mut self.phase {
            *until = *grace;
        }
    }

    pub(super) fn kill(&mut self) {
        self.phase = Phase::Killing(Killing::new());
    }

    /// Takes note of who has ended.
    pub(super) fn reap(&mut self) -> Change {
        // A leader that ended on its own stays a zombie until the group was asked to end, see
        // `tree::reap`.
        let keep = (self.is_running() && !self.daemon).then_some(self.leader);
        let mut change = Change::None;
        loop {
            match tree::reap(keep) {
                Ok(Reaped::Child(pid, status)) if pid == self.leader && self.exit.is_none() => {
                    change = self.leader_ended(status, keep.is_none());
                }
                Ok(Reaped::Child(pid, _)) if pid == self.leader => {
                    self.leader_reaped = keep.is_none();
                }
                Ok(Reaped::Child(pid, status)) => self.other_ended(pid, status),
                Ok(Reaped::Nobody) => return change,
                Ok(Reaped::Childless) | Err(_) => {
                    self.phase = Phase::Gone;
                    return change;
                }
            }
            if let Some(leader) = keep.filter(|_| self.exit.is_some()) {
                tree::reap_behind(leader);
                return change;
            }
            if let Phase::Killing(killing) = &mut self.phase {
                killing.hurry();
            }
        }
    }

    fn leader_ended(&mut self, status: i32, reaped: bool) -> Change {
        // Orphans are ours since before their parent's end was told.
        let heir = tree::eldest_child().filter(|_| self.daemon && status == 0 && self.is_running());
        match heir {
            Some(heir) => {
                self.leader = heir;
                Change::NewLeader
            }
            None => {
                self.leader_reaped = reaped;
                self.exit = Some(status);
                Change::Ended
            }
        }
    }

    /// A stop command that fails has asked for nothing.
    fn other_ended(&mut self, pid: u32, status: i32) {
        match &mut self.phase {
            Phase::Stopping { command, .. } if *command == Some(pid) => *command = None,
            _ => return,
        }
        if status != 0 {
            self.ask();
        }
    }

    /// Goes on with its end.
    pub(super) fn advance(&mut self) -> Progress {
        match &mut self.phase {
            Phase::Stopping { until, .. } if Instant::now() >= *until => {
                let mut killing = Killing::new();
                killing.go_on();
                self.phase = Phase::Killing(killing);
                return Progress::Killed;
            }
            // The group is gone, and who has left it was not asked yet. It has the same grace.
            Phase::Stopping { asked_all, .. }
                if !*asked_all && self.leader_reaped && !tree::group_exists(self.leader) =>
            {
                *asked_all = true;
                tree::signal_all(self.stop.signal);
            }
            // Again and again: a fork may have escaped the last round.
            Phase::Killing(killing) => {
                killing.go_on();
                if let Some(left) = killing.survivors() {
                    // The kernel ends the others once it lets go of them.
                    if killing::are_out_of_reach(&left) {
                        self.phase = Phase::Gone;
                    }
                    return Progress::Survived(left);
                }
            }
            _ => {}
        }
        Progress::None
    }
}
