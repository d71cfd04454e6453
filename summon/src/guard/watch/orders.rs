//! What a guard does when somebody says so.

use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

use super::{AFTER_RUN, Guard};
use crate::guard::listener::Listener;
use crate::guard::message::{News, Order};
use crate::guard::spawn::spawn;
use crate::guard::terms::StopPlan;
use crate::guard::title;
use crate::port::{FIXTURE_TITLE, GUARD_TITLE};
use crate::sys::ending::Ending;
use crate::sys::ports::Signed;
use crate::sys::proc;

impl Guard {
    pub(super) fn obey(&mut self) {
        let Some(owner) = &mut self.owner else { return };
        let closed = owner.hear().is_err();
        while let Some(frame) = self.owner.as_mut().and_then(Listener::take_frame) {
            match Order::decode(&frame) {
                Ok(Order::Signal(signal, whom)) => self.service.signal(signal, whom),
                Ok(Order::Stop(plan)) => self.stop(plan),
                Ok(Order::Pause(pause)) => self.service.pause(pause),
                Ok(Order::Sync(number)) => self.sync(number),
                Ok(Order::Ready(number)) => {
                    self.sync(number);
                    let ready_at = &mut self.terms.about.ready_at;
                    ready_at.get_or_insert(self.latest.length);
                }
                Ok(Order::Share(bytes)) => self.share(bytes),
                Ok(Order::Use(test)) => {
                    self.owner
                        .iter_mut()
                        .for_each(|it| it.begin_use(test.clone()));
                }
                Ok(Order::Unuse(number)) => {
                    self.owner.iter_mut().for_each(|it| it.end_use(number));
                }
                Ok(Order::Run(_)) | Err(_) => self.lose_owner(),
            }
        }
        if closed {
            self.lose_owner();
        }
    }

    /// Moves everything into the log that was written before this: a pipe holds no more than is
    /// moved in one go. An end that came before this is told first.
    fn sync(&mut self, number: u64) {
        self.pump();
        self.reap();
        if let Some(owner) = &mut self.owner {
            owner.confirm(&self.latest, number);
        }
    }

    fn stop(&mut self, plan: StopPlan) {
        // A program that the system takes apart hears nothing: its end is none of our doing.
        let is_ending = self.service.exit.is_some() || proc::is_ending(self.service.leader);
        self.tell(&News::Asked { is_ending });
        let (program, recorder) = (&self.program, &self.recorder);
        self.service.stop(plan, |argv| {
            let output = recorder.another_end().ok()?;
            spawn(&program.helper(argv), [&output; 2]).ok()
        });
    }

    pub(super) fn end(&mut self) {
        if self.service.is_running() {
            self.stop(self.service.plan());
        }
    }

    /// From now on the service belongs to the runner, and its owner is a user like others.
    fn share(&mut self, bytes: Vec<u8>) {
        let Some(sharing) = &mut self.sharing else {
            return self.lose_owner();
        };
        sharing.shared = Some(bytes.clone());
        sharing.users.extend(self.owner.take());
        self.owner_ended = None;
        title::set(&format!(
            "{GUARD_TITLE}{}{FIXTURE_TITLE}",
            self.program.name
        ));
        self.tell(&News::Shared(bytes));
    }

    pub(super) fn meet_users(&mut self) {
        let mut news = vec![self.started()];
        news.extend(self.service.exit.map(News::Exited));
        let Some(sharing) = &mut self.sharing else {
            return;
        };
        sharing.meet_users(news);
        let mut asked = Vec::new();
        let killed = sharing.hear_users(|user, order| match order {
            Order::Sync(number) => asked.push((user.socket.as_raw_fd(), number)),
            Order::Use(test) => user.begin_use(test),
            Order::Unuse(number) => user.end_use(number),
            // Nothing else that a user says is of interest.
            _ => {}
        });
        if !killed.is_empty() {
            self.lose_users(killed);
        }
        if !asked.is_empty() {
            self.pump();
            self.reap();
            self.confirm(&asked);
        }
    }

    fn confirm(&mut self, asked: &[(RawFd, u64)]) {
        let latest = self.latest.clone();
        for user in self.sharing.iter_mut().flat_map(|it| &mut it.users) {
            let fd = user.socket.as_raw_fd();
            let numbers = asked.iter().filter(|(it, _)| *it == fd);
            numbers.for_each(|(_, number)| user.confirm(&latest, *number));
        }
    }

    /// Ends if another process of this user waits for a port, unless a user has come meanwhile. Who
    /// comes from now on is not told that it is shared, and waits until it is gone.
    pub(super) fn yield_port(&mut self) {
        self.meet_users();
        let Some(sharing) = &mut self.sharing else {
            return;
        };
        // Also while it is about to end: what is not looked at wakes the guard again and again.
        let is_wanted = sharing.is_to_be_had() && self.leases.iter_mut().any(Signed::is_wanted);
        if is_wanted && self.service.is_running() {
            sharing.shared = None;
            self.end();
        }
    }

    /// Looks whether the runner has ended. A service that is shared goes at once then, and another one a moment later: its
    /// owner may be about to stop it.
    pub(super) fn look_for_runner(&mut self) {
        if !self.runner.as_ref().is_some_and(Ending::has_come) {
            return;
        }
        self.runner = None;
        let moment = match self.owner.is_some() {
            true => AFTER_RUN,
            false => Duration::ZERO,
        };
        self.run_ends = Some(Instant::now() + moment);
    }

    /// Ends the service after its run.
    pub(super) fn end_with_run(&mut self) {
        if self.run_ends.is_none_or(|at| Instant::now() < at) {
            return;
        }
        self.service.hurry();
        if self.service.is_running() {
            self.tell(&News::RunEnded);
            self.end();
        }
    }
}
