//! How a guard obeys its owner and its users.

use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

use super::{AFTER_RUN, Guard};
use crate::guard::details::Details;
use crate::guard::listener::Listener;
use crate::guard::message::{News, Order};
use crate::guard::spawn::spawn;
use crate::guard::terms::StopPlan;
use crate::guard::title;
use crate::port::FIXTURE_TITLE;
use crate::sys::ending::Ending;
use crate::sys::ports::Signed;
use crate::sys::proc;

impl Guard {
    pub(super) fn obey(&mut self) {
        let Some(owner) = &mut self.owner else { return };
        // Messages from before the close still count: an owner may stop the service and exit at
        // once.
        let closed = owner.hear().is_err();
        // An order may take the owner away (`share`, `lose_owner`), so each round looks for it
        // again.
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
                Ok(Order::Share(details)) => self.share(details),
                Ok(Order::Use(test)) => {
                    self.owner
                        .iter_mut()
                        .for_each(|it| it.begin_use(test.clone()));
                }
                Ok(Order::Unuse(number)) => {
                    self.owner.iter_mut().for_each(|it| it.end_use(number));
                }
                // An owner that breaks the protocol can't be trusted to stop the service later.
                Ok(Order::Run(_)) | Err(_) => self.lose_owner(),
            }
        }
        if closed {
            self.lose_owner();
        }
    }

    /// Moves earlier output into the log, reports an earlier end of the program, and then confirms.
    ///
    /// One `pump` reads at least as much as a pipe can hold, so it gets all output from before this
    /// order.
    fn sync(&mut self, number: u64) {
        self.pump();
        self.reap();
        if let Some(owner) = &mut self.owner {
            owner.confirm(&self.latest, number);
        }
    }

    fn stop(&mut self, plan: StopPlan) {
        // A process that the kernel already takes apart handles no signal. Its end has another
        // cause, and the owner's report must not attribute it to this stop.
        let is_ending = self.service.exit.is_some() || proc::is_ending(self.service.leader);
        // Before the signal, so that the owner hears of the request before it hears of the end. In
        // the other order the end would look like a crash.
        self.tell(&News::Asked { is_ending });
        let (program, recorder) = (&self.program, &self.recorder);
        self.service.stop(plan, |argv| {
            // On Linux the guard keeps no write end of the pipe: with one, it would never read an
            // end of file. So each command gets a new end.
            let output = recorder.another_end().ok()?;
            spawn(&program.helper(argv), [&output; 2]).ok()
        });
    }

    pub(super) fn end(&mut self) {
        // A stop under way keeps its own plan: starting over would extend the grace.
        if self.service.is_running() {
            self.stop(self.service.plan());
        }
    }

    /// Gives the service to the runner. The owner becomes a user like the others.
    fn share(&mut self, details: Details) {
        let Some(sharing) = &mut self.sharing else {
            return self.lose_owner();
        };
        sharing.shared = Some(details.clone());
        // Unread frames of the owner move along in its inbox.
        sharing.users.extend(self.owner.take());
        // From here on the end of this process no longer stops the service.
        self.owner_ended = None;
        title::set(&format!("{FIXTURE_TITLE}{}", self.program.name));
        // The former owner waits for this before it lets others in. Until then the service would
        // end with it.
        self.tell(&News::Shared(details));
    }

    pub(super) fn meet_users(&mut self) {
        // A new user first hears what earlier users know already.
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
            // Users must not stop or signal a service that other tests use.
            _ => {}
        });
        if !killed.is_empty() {
            self.lose_users(killed);
        }
        // One `pump` serves all requests that were read in this round: each was sent before it.
        if !asked.is_empty() {
            self.pump();
            self.reap();
            self.confirm(&asked);
        }
    }

    fn confirm(&mut self, asked: &[(RawFd, u64)]) {
        let latest = self.latest.clone();
        for user in self.sharing.iter_mut().flat_map(|it| &mut it.users) {
            // The number still identifies the user. `hear_users` may have closed other sockets, but
            // no user was accepted since, so no new user has such a number.
            let fd = user.socket.as_raw_fd();
            let numbers = asked.iter().filter(|(it, _)| *it == fd);
            numbers.for_each(|(_, number)| user.confirm(&latest, *number));
        }
    }

    /// Ends the service if another process of this user waits for its port, unless a user has come
    /// meanwhile. A process that connects later does not hear that the service is shared, and waits
    /// until it has ended.
    pub(super) fn yield_port(&mut self) {
        // Connections in the backlog come first. Such a user has found the service running, and
        // must get it.
        self.meet_users();
        let Some(sharing) = &mut self.sharing else {
            return;
        };
        // `is_wanted` also runs while the service is ending, because it accepts the waiting
        // connections. An unaccepted one keeps the lease's socket readable, and the guard would
        // spin.
        let is_wanted = sharing.is_to_be_had() && self.leases.iter_mut().any(Signed::is_wanted);
        if is_wanted && self.service.is_running() {
            // Cleared before `end`: a process that is accepted from now on must not hear that the
            // service is shared.
            sharing.shared = None;
            self.end();
        }
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
}
