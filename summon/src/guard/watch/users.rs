//! How a guard serves the users of a shared service.

use std::os::fd::{AsRawFd, RawFd};

use super::Guard;
use crate::guard::protocol::message::{News, Order};
use crate::sys::ports::Signed;

impl Guard {
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
}
