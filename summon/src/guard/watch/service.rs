//! The phases of a service: running, stopping, killing, gone.

use std::time::{Duration, Instant};

use crate::guard::children::{self, Reaped};
use crate::guard::killing::{self, Killing};
use crate::guard::state::Whom;
use crate::guard::terms::StopPlan;
use crate::sys::Signal;

pub(super) struct Service {
    pub(super) leader: u32,
    leader_reaped: bool,
    /// The program forks away. The eldest process that it leaves becomes the leader.
    daemon: bool,
    /// The program is an engine's client. It gets no signals, and the service ends with its container.
    in_container: bool,
    /// The wait status of the leader after its end.
    pub(super) exit: Option<i32>,
    paused: bool,
    phase: Phase,
    stop: StopPlan,
}

enum Phase {
    Running,
    /// Asked to end. `asked_all`: processes outside of the group were asked too.
    Stopping {
        /// The end of the grace. `until` includes extensions.
        grace: Instant,
        until: Instant,
        asked_all: bool,
        /// The pid of the stop command, if one runs instead of a signal.
        command: Option<u32>,
    },
    /// The guard removes the container in this round.
    Removing,
    /// The container is gone. The engine's processes end by themselves until then.
    Removed(Instant),
    Killing(Killing),
    Gone,
}

/// How long the engine's processes may take to end after the container. A kill before that would
/// leave parts of the container, such as its network.
const AFTER_CONTAINER: Duration = Duration::from_secs(15);

/// The progress of a service towards its end.
pub(super) enum Progress {
    None,
    /// The grace is over. Reported once.
    Killed,
    /// These processes were killed and do not end. Reported once.
    Survived(Vec<u32>),
}

/// The meaning of children's ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    None,
    /// The leader has ended.
    Ended,
    /// The leader has forked away, and there is a new one.
    NewLeader,
}

impl Service {
    pub(super) fn new(leader: u32, daemon: bool, in_container: bool, stop: StopPlan) -> Service {
        Service {
            leader,
            leader_reaped: false,
            daemon,
            in_container,
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

    /// Returns whether the state of a container whose program has ended matters: it has not ended with code 0
    /// after a stop, and has not been removed.
    pub(super) fn needs_report(&self) -> bool {
        match self.phase {
            Phase::Running => true,
            Phase::Stopping { .. } => self.exit != Some(0),
            Phase::Removing | Phase::Removed(_) | Phase::Killing(_) | Phase::Gone => false,
        }
    }

    /// Returns when `advance` must run next, even without an event.
    pub(super) fn due(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Stopping { until, .. } | Phase::Removed(until) => Some(*until),
            Phase::Removing => Some(Instant::now()),
            Phase::Killing(killing) => Some(killing.due()),
            Phase::Running | Phase::Gone => None,
        }
    }

    pub(super) fn signal(&self, signal: Signal, whom: Whom) {
        if self.in_container {
            return;
        }
        match whom {
            // The leader is not reaped, so its pid and the id of its group can't belong to a
            // stranger.
            Whom::Leader if !self.leader_reaped => children::signal_child(self.leader, signal),
            Whom::Group if !self.leader_reaped && !self.daemon => {
                children::signal_group(self.leader, signal);
            }
            // A daemon's group is unknown. A reaped leader's group id may have been reused. So each
            // descendant is signalled individually.
            Whom::Group => children::signal_all(signal),
            Whom::Leader => {}
        }
    }

    /// Halts all processes of the service, or resumes them. Also halts processes that are forked
    /// meanwhile.
    pub(super) fn pause(&mut self, pause: bool) {
        if self.in_container {
            return;
        }
        self.paused = pause;
        if pause {
            children::halt_all();
        } else {
            children::signal_all(Signal::CONT);
        }
    }

    /// Returns the stop plan for an end without an order.
    pub(super) fn plan(&self) -> StopPlan {
        self.stop.clone()
    }

    /// Asks the service to end. `run` starts the stop command, and returns its pid.
    pub(super) fn stop(
        &mut self,
        plan: StopPlan,
        run: impl FnOnce(&[std::ffi::OsString]) -> Option<u32>,
    ) {
        self.stop = plan;
        if self.stop.grace.is_zero() {
            // The guard's loop calls `advance` in the same round, which sends the first KILL at
            // once.
            return self.kill();
        }
        // A container whose program has ended needs no stop.
        let has_ended = self.in_container && self.exit.is_some();
        let command = self.stop.command.as_deref().filter(|_| !has_ended);
        let command = command.and_then(run);
        if self.in_container && command.is_none() {
            return self.kill();
        }
        // The stop signal goes out before CONT below. A halted process finds the stop signal
        // pending when it continues.
        if command.is_none() {
            self.ask();
        }
        // A halted program handles no signal except KILL. `pause` has halted all descendants.
        // Without it, only the group is resumed, in case the program or a user has halted it.
        match std::mem::take(&mut self.paused) {
            true => children::signal_all(Signal::CONT),
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

    fn ask(&mut self) {
        if self.in_container {
            return self.kill();
        }
        self.signal(
            self.stop.signal,
            match self.stop.only_leader {
                true => Whom::Leader,
                false => Whom::Group,
            },
        );
    }

    /// Extends the deadline if the service is stopping.
    pub(super) fn extend(&mut self, time: Duration) {
        if let Phase::Stopping { grace, until, .. } = &mut self.phase {
            let last = *grace + self.stop.most_extended();
            let asked = Instant::now().checked_add(time);
            // `checked_add`: the service may ask for any number of microseconds. A shorter request
            // than before changes nothing.
            *until = asked.map_or(last, |asked| asked.min(last)).max(*until);
        }
    }

    /// Takes back all extensions beyond the grace.
    pub(super) fn hurry(&mut self) {
        if let Phase::Stopping { grace, until, .. } = &mut self.phase {
            *until = *grace;
        }
    }

    pub(super) fn kill(&mut self) {
        self.phase = match self.phase {
            Phase::Removed(_) | Phase::Killing(_) => Phase::Killing(Killing::new()),
            _ if self.in_container => Phase::Removing,
            _ => Phase::Killing(Killing::new()),
        };
    }

    /// Returns whether the guard must remove the container now.
    pub(super) fn is_to_be_removed(&self) -> bool {
        matches!(self.phase, Phase::Removing)
    }

    /// Notes that the container is gone, or that the engine can't remove it.
    pub(super) fn container_is_gone(&mut self) {
        self.phase = Phase::Removed(Instant::now() + AFTER_CONTAINER);
    }

    /// Reaps ended processes.
    pub(super) fn reap(&mut self) -> Change {
        // A leader that ends on its own stays a zombie until the group was asked to end.
        // `children::reap` says why.
        // A daemon's first process is reaped at once: no signal goes to its group, so the id can be
        // reused.
        let keep = (self.is_running() && !self.daemon).then_some(self.leader);
        let mut change = Change::None;
        loop {
            match children::reap(keep) {
                Ok(Reaped::Child(pid, status)) if pid == self.leader && self.exit.is_none() => {
                    change = self.leader_ended(status, keep.is_none());
                }
                // The zombie of a leader, reported already. `keep` holds it back until the stop has
                // begun.
                Ok(Reaped::Child(pid, _)) if pid == self.leader => {
                    self.leader_reaped = keep.is_none();
                }
                Ok(Reaped::Child(pid, status)) => self.other_ended(pid, status),
                Ok(Reaped::Nobody) => return change,
                // No child means no descendant, also for those that left the group or the session:
                // each orphan became a child of this guard before its parent's end was reported.
                // The end of the engine's client is not the end of its container.
                Ok(Reaped::Childless) | Err(_) => {
                    self.phase = match self.phase {
                        Phase::Removed(_) | Phase::Killing(_) => Phase::Gone,
                        _ if self.in_container => Phase::Removing,
                        _ => Phase::Gone,
                    };
                    return change;
                }
            }
            // `waitid` would return the kept zombie each time, so this loop would not end. The
            // other children are reaped by pid.
            if let Some(leader) = keep.filter(|_| self.exit.is_some()) {
                children::reap_behind(leader);
                return change;
            }
            if let Phase::Killing(killing) = &mut self.phase {
                // The kernel has given the children of the ended process to this guard. Kill them
                // now instead of after the pause.
                killing.hurry();
            }
        }
    }

    fn leader_ended(&mut self, status: i32, reaped: bool) -> Change {
        // The kernel reparents orphans before it reports their parent's end, so the heir is a child
        // of this guard already.
        let has_heir = self.daemon && status == 0 && self.is_running();
        match has_heir.then(children::eldest_child).flatten() {
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

    /// Sends the stop signal if the stop command has failed: a failed command has asked for
    /// nothing.
    fn other_ended(&mut self, pid: u32, status: i32) {
        match &mut self.phase {
            Phase::Stopping { command, .. } if *command == Some(pid) => *command = None,
            _ => return,
        }
        if status != 0 {
            self.ask();
        }
    }

    /// Continues the service's way to its end.
    pub(super) fn advance(&mut self) -> Progress {
        match &mut self.phase {
            Phase::Stopping { until, .. } if self.in_container => {
                let is_late = Instant::now() >= *until;
                if is_late || self.exit.is_some() {
                    self.phase = Phase::Removing;
                }
                if is_late {
                    return Progress::Killed;
                }
            }
            Phase::Removed(until) if Instant::now() >= *until => self.kill(),
            Phase::Stopping { until, .. } if Instant::now() >= *until => {
                let mut killing = Killing::new();
                killing.go_on();
                self.phase = Phase::Killing(killing);
                return Progress::Killed;
            }
            // The group is empty, but processes that left it were not asked yet. They share the
            // same grace. While the leader is a zombie its group exists, so this waits until the
            // leader was reaped.
            Phase::Stopping { asked_all, .. }
                if !*asked_all && self.leader_reaped && !children::group_exists(self.leader) =>
            {
                *asked_all = true;
                children::signal_all(self.stop.signal);
            }
            // Repeated until no process is left: a fork may have escaped the last round.
            Phase::Killing(killing) => {
                killing.go_on();
                if let Some(left) = killing.survivors() {
                    // The guard can't end a process of another user, so it does not wait for one.
                    // Others end when the kernel releases them, so the guard waits for those.
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
