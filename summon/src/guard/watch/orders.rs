//! How a guard obeys its owner.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::time::Instant;

use super::Guard;
use super::client::Client;
use crate::guard::details::Details;
use crate::guard::protocol::message::{News, Order};
use crate::guard::spawn::spawn;
use crate::guard::terms::StopPlan;
use crate::guard::title::Title;
use crate::sys::proc;

impl Guard {
    pub(super) fn obey(&mut self) {
        let Some(owner) = &mut self.owner else { return };
        // Messages from before the close still count: an owner may stop the service and exit at
        // once.
        let closed = owner.hear().is_err();
        // An order may take the owner away (`share`, `lose_owner`), so each round looks for it
        // again.
        while let Some(frame) = self.owner.as_mut().and_then(Client::take_frame) {
            match Order::decode(&frame) {
                Ok(Order::Signal(signal, whom)) => self.service.signal(signal, whom),
                Ok(Order::Stop(plan)) => self.stop(plan),
                Ok(Order::Pause(pause)) => self.service.pause(pause),
                Ok(Order::Sync(number)) => self.sync(number),
                Ok(Order::Ready(length)) => {
                    self.terms.about.ready_at.get_or_insert(length);
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
                Ok(Order::Database(order)) => {
                    let owner = self.owner.as_ref().map(|it| it.socket.as_raw_fd());
                    if let Some(owner) = owner {
                        self.obey_about_databases(owner, order);
                    }
                }
                Ok(Order::Allow { pattern, begins }) => {
                    let owner = self.owner.as_ref().map(|it| it.socket.as_raw_fd());
                    if let Some(owner) = owner {
                        self.allow(owner, pattern, begins);
                    }
                }
                Ok(Order::Hold(limit)) => {
                    self.held_until = limit.and_then(|it| Instant::now().checked_add(it));
                }
                // An owner that breaks the protocol can't be trusted to stop the service later.
                Ok(Order::Run { .. }) | Err(_) => self.lose_owner(),
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

    pub(super) fn stop(&mut self, plan: StopPlan) {
        // A process that the kernel already takes apart handles no signal. Its end has another
        // cause, and the owner's report must not attribute it to this stop.
        let is_ending = self.service.exit.is_some() || proc::is_ending(self.service.leader);
        // Before the signal, so that the owner hears of the request before it hears of the end. In
        // the other order the end would look like a crash.
        self.tell(&News::Asked { is_ending });
        let (program, recorder, terms) = (&self.program, &self.recorder, &self.terms);
        self.service.stop(plan, |argv| {
            if terms.container.is_some() {
                let null = File::options().write(true).open("/dev/null").ok()?.into();
                return spawn(&program.helper(argv), [&null; 2]).ok();
            }
            // On Linux the guard keeps no write end of the pipe: with one, it would never read an
            // end of file. So each command gets a new end.
            let output = recorder.another_end().ok()?;
            spawn(&program.helper(argv), [&output; 2]).ok()
        });
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
        Title::GuardOfFixture(&self.program.name).set();
        // From here on the service lasts longer than a test. The processes that wait for its ports
        // must know.
        self.meet_waiters();
        // The former owner waits for this before it lets others in. Until then the service would
        // end with it.
        self.tell(&News::Shared(details));
    }
}
