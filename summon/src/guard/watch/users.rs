//! How a guard serves the users of a shared service.

use std::os::fd::{AsRawFd, RawFd};

use super::Guard;
use super::sharing::Sharing;
use crate::guard::protocol::message::{News, Order};
use crate::sys::ports::Signed;

impl Guard {
    pub(super) fn meet_users(&mut self) {
        // A new user first hears what earlier users know already.
        let mut news = Vec::new();
        // Before the start, so that a user that knows of the start knows the container, too.
        if self.terms.container.is_some() {
            news.push(News::Told(self.told.clone()));
        }
        news.push(self.started());
        news.extend(self.service.exit.map(News::Exited));
        news.extend(self.allowances());
        let Some(sharing) = &mut self.sharing else {
            return;
        };
        sharing.meet_users(news);
        let (mut asked, mut databases, mut allowed) = (Vec::new(), Vec::new(), Vec::new());
        let killed = sharing.hear_users(|user, order| match order {
            Order::Sync(number) => asked.push((user.socket.as_raw_fd(), number)),
            Order::Use(test) => user.begin_use(test),
            Order::Unuse(number) => user.end_use(number),
            Order::Database(order) => databases.push((user.socket.as_raw_fd(), order)),
            Order::Allow { pattern, begins } => {
                allowed.push((user.socket.as_raw_fd(), pattern, begins));
            }
            // Users must not stop or signal a service that other tests use.
            _ => {}
        });
        for (user, order) in databases {
            self.obey_about_databases(user, order);
        }
        // Before the answers to `Sync`: a user with an answer must know all earlier allowances.
        for (user, pattern, begins) in allowed {
            self.allow(user, pattern, begins);
        }
        // After the orders, which may report the end of a test, and before the databases of the dead
        // are forgotten.
        if !killed.is_empty() {
            self.lose_users(&killed);
        }
        // Before the next user is accepted: it may get the number of a closed socket.
        self.forget_users_of_databases();
        self.forget_allowances();
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

    /// Tells processes that wait for a port of the service that a fixture uses the port.
    pub(super) fn meet_waiters(&mut self) {
        self.leases.iter_mut().for_each(Signed::meet);
    }

    /// Ends the service if it has no users and another process of this user waits for its port. A
    /// process that connects later does not hear that the service is shared, and waits until it has
    /// ended.
    pub(super) fn yield_port(&mut self) {
        if !self.is_to_be_had() || !self.leases.iter().any(Signed::is_wanted) {
            return;
        }
        // Connections in the backlog come first. Such a user has found the service running, and
        // must get it.
        self.meet_users();
        if !self.is_to_be_had() || !self.service.is_running() {
            return;
        }
        // Cleared before `end`: a process that is accepted from now on must not hear that the
        // service is shared.
        if let Some(sharing) = &mut self.sharing {
            sharing.shared = None;
        }
        self.end();
    }

    fn is_to_be_had(&self) -> bool {
        self.sharing.as_ref().is_some_and(Sharing::is_to_be_had)
    }
}
