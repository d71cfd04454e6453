//! The events that a guard waits for.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::Guard;
use super::sharing::Sharing;
use crate::guard::databases::Databases;
use crate::sys::ports::Signed;
use crate::sys::wait::timespec;

/// The reaction of a guard to a ready descriptor. It may run without need, and must not block.
type Handler = fn(&mut Guard);

impl Guard {
    /// Sleeps until events occur, and returns their handlers. The guard sleeps nowhere else:
    /// [`Guarded::complete_log`](crate::guard::Guarded) relies on that.
    pub(super) fn sleep(&self) -> io::Result<Vec<Handler>> {
        let rests = self.sharing.as_ref().and_then(Sharing::rests);
        let run_ends = self.run_ends.filter(|_| self.service.is_running());
        // The earliest deadline bounds the sleep. Everything else arrives through a descriptor.
        let databases = self.databases.as_ref().and_then(Databases::due);
        let due = [
            self.service.due(),
            rests,
            run_ends,
            databases,
            self.held_until,
        ];
        let timeout = due
            .into_iter()
            .flatten()
            .min()
            .map(|due| due.saturating_duration_since(Instant::now()));
        let watched = self.watched();
        let mut polled: Vec<_> = watched
            .iter()
            .map(|(_, fd, wanted)| PollFd::from_borrowed_fd(*fd, *wanted))
            .collect();
        match rustix::event::poll(&mut polled, timeout.map(timespec).as_ref()) {
            // After EINTR no `revents` is set, so no event is reported. The usual cause is SIGCHLD,
            // and its handler has made the pipe readable. The caller reaps in each round in any
            // case.
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        // `poll(2)` reports HUP and ERR even if only IN was asked for, so that the handler's next
        // read finds the end of file.
        let ready = polled.iter().zip(&watched);
        let ready = ready.filter(|(fd, _)| !fd.revents().is_empty());
        Ok(ready.map(|(_, (handler, ..))| *handler).collect())
    }

    /// Returns the descriptors to wait for, in the order of their handlers.
    fn watched(&self) -> Vec<(Handler, BorrowedFd<'_>, PollFlags)> {
        let mut watched = Vec::new();
        let mut watch = |handler: Handler, fd, wanted| watched.push((handler, fd, wanted));
        watch(Guard::note_child, self.child_ended.as_fd(), PollFlags::IN);
        if let Some(owner) = &self.owner {
            let wanted = owner.wanted(&self.latest);
            watch(Guard::obey, owner.socket.as_fd(), wanted);
        }
        if let Some(ended) = &self.owner_ended {
            watch(Guard::look_for_owner, ended.as_fd(), PollFlags::IN);
        }
        if let Some(runner) = &self.runner {
            watch(Guard::look_for_runner, runner.as_fd(), PollFlags::IN);
        }
        for pipe in self.recorder.pipes() {
            watch(Guard::pump, pipe.as_fd(), PollFlags::IN);
        }
        if let Some(notify) = &self.notify {
            watch(Guard::hear, notify.as_fd(), PollFlags::IN);
        }
        let databases = self.databases.iter().flat_map(Databases::watched);
        databases.for_each(|(fd, wanted)| watch(Guard::go_on_with_databases, fd, wanted));
        if let Some(sharing) = &self.sharing {
            // Without a free descriptor, a new connection can't be accepted and keeps the socket
            // readable. Polling it then would spin.
            if sharing.rests().is_none() {
                watch(Guard::meet_users, sharing.socket.as_fd(), PollFlags::IN);
            }
            // A process that waits for the port connects to the socket of its lease. The guard of a
            // fixture answers. Before that the service lasts no longer than its test.
            let leases = self.leases.iter().filter(|_| sharing.shared.is_some());
            for (fd, wanted) in leases.flat_map(Signed::watched) {
                watch(Guard::meet_waiters, fd, wanted);
            }
            for user in &sharing.users {
                let wanted = user.wanted(&self.latest);
                watch(Guard::meet_users, user.socket.as_fd(), wanted);
            }
        }
        watched
    }
}
