//! The service of a guard: running, asked to end, killed, gone.

use std::time::{Duration, Instant};

use super::Signal;
use super::message::StopPlan;
use super::tree::{self, Reaped};

/// Descendants that were forked while others were killed are looked for this often.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

pub(super) struct Service {
    pub(super) leader: u32,
    leader_reaped: bool,
    /// The wait status of the leader, once it has ended.
    pub(super) exit: Option<i32>,
    phase: Phase,
    stop: StopPlan,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Running,
    /// The group was asked to end. `asked_all`: so was everybody outside of it.
    Stopping {
        until: Instant,
        asked_all: bool,
    },
    Killing,
    Gone,
}

impl Service {
    pub(super) fn new(leader: u32, stop: StopPlan) -> Service {
        Service {
            leader,
            leader_reaped: false,
            exit: None,
            phase: Phase::Running,
            stop,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    pub(super) fn is_gone(&self) -> bool {
        self.phase == Phase::Gone
    }

    /// When to go on with its end, whatever happens.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.phase {
            Phase::Running => None,
            Phase::Stopping { until, .. } => Some(until),
            Phase::Killing | Phase::Gone => Some(Instant::now() + LOOK_AGAIN),
        }
    }

    pub(super) fn signal(&self, signal: Signal) {
        if self.leader_reaped {
            tree::signal_all(signal);
        } else {
            tree::signal_group(self.leader, signal);
        }
    }

    /// Asks it to end, as it was planned when it started.
    pub(super) fn end(&mut self) {
        if self.is_running() {
            self.stop(self.stop);
        }
    }

    pub(super) fn stop(&mut self, plan: StopPlan) {
        self.stop = plan;
        if plan.grace.is_zero() {
            return self.kill();
        }
        self.signal(plan.signal);
        // A program that is halted hears nothing else until it goes on.
        self.signal(Signal::CONT);
        self.phase = Phase::Stopping {
            until: Instant::now() + plan.grace,
            asked_all: false,
        };
    }

    /// Gives it more time, if it is about to end and asks for that.
    pub(super) fn extend(&mut self, time: Duration) {
        if let Phase::Stopping { until, .. } = &mut self.phase {
            *until = (*until).max(Instant::now() + time);
        }
    }

    pub(super) fn kill(&mut self) {
        self.phase = Phase::Killing;
    }

    /// Takes note of who has ended, and says whether the leader is among them for the first time.
    pub(super) fn reap(&mut self) -> bool {
        // A leader that ended on its own stays a zombie until the group was asked to end, see
        // `tree::reap`. Orphans that end behind it wait as long.
        let keep = self.is_running().then_some(self.leader);
        let mut news = false;
        loop {
            match tree::reap(keep) {
                Ok(Reaped::Child(pid, status)) if pid == self.leader => {
                    self.leader_reaped = keep.is_none();
                    news |= self.exit.is_none();
                    self.exit.get_or_insert(status);
                    if keep.is_some() {
                        return news;
                    }
                }
                Ok(Reaped::Child(..)) => {}
                Ok(Reaped::Nobody) => return news,
                Ok(Reaped::Childless) | Err(_) => {
                    self.phase = Phase::Gone;
                    return news;
                }
            }
        }
    }

    /// Goes on with its end. Says whether its grace is over, the once that it is.
    pub(super) fn advance(&mut self) -> bool {
        match &mut self.phase {
            Phase::Stopping { until, .. } if Instant::now() >= *until => {
                self.phase = Phase::Killing;
                tree::signal_all(Signal::KILL);
                return true;
            }
            // The group is gone, and who has left it was not asked yet. It has the same grace.
            Phase::Stopping { asked_all, .. }
                if !*asked_all && self.leader_reaped && !tree::group_exists(self.leader) =>
            {
                *asked_all = true;
                tree::signal_all(self.stop.signal);
            }
            // Again and again: a fork may have escaped the last round.
            Phase::Killing => tree::signal_all(Signal::KILL),
            _ => {}
        }
        false
    }
}
