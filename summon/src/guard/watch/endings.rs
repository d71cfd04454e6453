//! The ends of the owner, of users, and of the run. Each may end the service.

use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

use super::killed_test::{LostClient, LostTest};
use super::{Guard, wake};
use crate::guard::protocol::message::{News, Use};
use crate::guard::terms::StopPlan;
use crate::sys::ending::Ending;

/// How long an owner may stop its services itself after the runner has ended. Ctrl-C ends both, and
/// a test program that catches it cleans up.
const AFTER_RUN: Duration = Duration::from_secs(2);

impl Guard {
    pub(super) fn look_for_owner(&mut self) {
        if !self.owner_ended.as_ref().is_some_and(Ending::has_come) {
            return;
        }
        // The owner's last messages may still be in the socket. If they share the service, it must
        // survive the owner.
        self.obey();
        // `obey` loses the owner if it finds the socket closed, or makes it a user if it shares the
        // service.
        if self.owner_ended.is_some() {
            self.lose_owner();
        }
    }

    /// Gives up the owner, which is dead or sends garbage, and stops the service.
    pub(super) fn lose_owner(&mut self) {
        wake(self.warden);
        let ending = self.owner_ended.take();
        if let Some(owner) = self.owner.take() {
            // The log's length at this moment separates output during the test from output during
            // the stop.
            self.pump();
            let about = &self.terms.about;
            let uses = owner.uses();
            let tests: Vec<_> = match (&*about.test, &uses[..]) {
                ("", []) => vec![("", about.since)],
                ("", uses) => uses.iter().map(|it| (&*it.test, it.since)).collect(),
                (test, _) => vec![(test, about.since)],
            };
            let databases = self.databases_of(owner.socket.as_raw_fd());
            let tests = tests.into_iter();
            let tests = tests.map(|(test, since)| LostTest::new(test, since, &databases));
            let tests = tests.collect();
            let exit = self.service.exit.zip(self.ended);
            let lost = LostClient::new(tests, self.recorder.log.length, exit, ending);
            self.lost.push(lost);
        }
        self.service.hurry();
        self.end();
    }

    /// Records users that were killed while their tests used the service.
    pub(super) fn lose_users(&mut self, uses: &[(RawFd, Use)]) {
        self.pump();
        let lost = |(user, it): &(RawFd, Use)| {
            LostTest::new(&it.test, it.since, &self.databases_of(*user))
        };
        let tests = uses.iter().map(lost).collect();
        let exit = self.service.exit.zip(self.ended);
        let lost = LostClient::new(tests, self.recorder.log.length, exit, None);
        self.lost.push(lost);
    }

    /// Checks whether the runner has ended. Then a shared service stops at once. Another service
    /// gets a moment, since its owner may be about to stop it.
    pub(super) fn look_for_runner(&mut self) {
        if !self.runner.as_ref().is_some_and(Ending::has_come) {
            return;
        }
        // The descriptor of an ended process stays readable, so polling it again would spin.
        self.runner = None;
        let moment = match self.owner.is_some() {
            true => AFTER_RUN,
            false => Duration::ZERO,
        };
        self.run_ends = Some(Instant::now() + moment);
    }

    /// Stops the service once its run is over.
    pub(super) fn end_with_run(&mut self) {
        if self.run_ends.is_none_or(|at| Instant::now() < at) {
            return;
        }
        // Called in each round: the owner may have begun a stop, and received an extension for it,
        // before the run ended.
        self.service.hurry();
        if self.service.is_running() {
            self.tell(&News::RunEnded);
            self.end();
        }
    }

    /// Ends a service after the time limit of a hold: its owner may be halted.
    pub(super) fn end_hold(&mut self) {
        let is_over = |guard: &Guard| guard.held_until.is_some_and(|it| Instant::now() >= it);
        if !is_over(self) {
            return;
        }
        // The owner may have taken the time back just now, or while this guard was halted.
        self.obey();
        if is_over(self) {
            self.held_until = None;
            self.service.hurry();
            self.end();
        }
    }

    pub(super) fn end(&mut self) {
        // A stop under way keeps its own plan: starting over would extend the grace.
        if self.service.is_running() {
            let plan = match self.is_deaf() {
                true => StopPlan::kill(),
                false => self.service.plan(),
            };
            self.stop(plan);
        }
    }
}
