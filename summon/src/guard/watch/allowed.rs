//! The parts of the output where a test allows lines that `never` forbids. The guard reports them to
//! all users of a shared service: a line that one test provokes must not fail the others.

use std::os::fd::{AsRawFd, RawFd};

use super::Guard;
use crate::guard::protocol::message::News;
use crate::guard::state::Allowed;

impl Guard {
    /// Notes that the client with this socket allows lines from here on, or no longer.
    pub(super) fn allow(&mut self, client: RawFd, pattern: String, begins: bool) {
        // One `pump` reads all output from before the order, so the position is exact: output from
        // before the order is before it, and all later output is after it.
        self.pump();
        let (log, streams) = self.recorder.lengths();
        let allowed = Allowed {
            pattern,
            begins,
            log,
            streams,
        };
        if begins {
            self.allowed.push((client, allowed.clone()));
        } else {
            let same = |(by, it): &(RawFd, Allowed)| *by == client && it.pattern == allowed.pattern;
            if let Some(at) = self.allowed.iter().position(same) {
                self.allowed.remove(at);
            }
        }
        self.tell(&News::Allowed(allowed));
    }

    /// Ends the allowances of clients that have ended.
    pub(super) fn forget_allowances(&mut self) {
        if self.allowed.is_empty() {
            return;
        }
        let clients: Vec<RawFd> = self.clients().map(|it| it.socket.as_raw_fd()).collect();
        let has_ended = |(by, _): &&(RawFd, Allowed)| !clients.contains(by);
        let ended = self.allowed.iter().filter(has_ended).cloned();
        for (client, allowed) in ended.collect::<Vec<_>>() {
            self.allow(client, allowed.pattern, false);
        }
    }

    /// Returns what a new user must know: the lines that are allowed at present.
    pub(super) fn allowances(&self) -> impl Iterator<Item = News> {
        let allowed = self.allowed.iter();
        allowed.map(|(_, allowed)| News::Allowed(allowed.clone()))
    }
}
