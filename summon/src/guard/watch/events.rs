//! The events that a guard waits for.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::{Guard, Happened};
use crate::guard::sharing::Sharing;
use crate::sys::ports::Signed;
use crate::sys::wait::timespec;

impl Guard {
    /// Sleeps until events occur, and returns them.
    pub(super) fn sleep(&self) -> io::Result<Vec<Happened>> {
        let rests = self.sharing.as_ref().and_then(Sharing::rests);
        let run_ends = self.run_ends.filter(|_| self.service.is_running());
        // The earliest deadline bounds the sleep. Everything else arrives through a descriptor.
        let due = [self.service.due(), rests, run_ends];
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
        // `poll(2)` reports HUP and ERR even if only IN was asked for. They count as readable, so
        // that the next read finds the end of file. OUT does not count: it only ends the sleep, and
        // the caller flushes in each round.
        let can_read = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
        let readable = |(fd, _): &(&PollFd<'_>, _)| fd.revents().intersects(can_read);
        let pairs = polled.iter().zip(&watched).filter(readable);
        Ok(pairs.map(|(_, (what, ..))| *what).collect())
    }

    fn watched(&self) -> Vec<(Happened, BorrowedFd<'_>, PollFlags)> {
        let mut watched = vec![(
            Happened::ChildEnded,
            self.child_ended.as_fd(),
            PollFlags::IN,
        )];
        let mut watch = |what, fd, wanted| watched.push((what, fd, wanted));
        if let Some(owner) = &self.owner {
            watch(
                Happened::OwnerSpoke,
                owner.socket.as_fd(),
                owner.wanted(&self.latest),
            );
        }
        if let Some(ended) = &self.owner_ended {
            watch(Happened::OwnerEnded, ended.as_fd(), PollFlags::IN);
        }
        if let Some(runner) = &self.runner {
            watch(Happened::RunnerEnded, runner.as_fd(), PollFlags::IN);
        }
        for pipe in self.recorder.pipes() {
            watch(Happened::Output, pipe.as_fd(), PollFlags::IN);
        }
        if let Some(notify) = &self.notify {
            watch(Happened::Notified, notify.as_fd(), PollFlags::IN);
        }
        if let Some(sharing) = &self.sharing {
            // Without a free descriptor, a new connection can't be accepted and keeps the socket
            // readable. Polling it then would spin.
            if sharing.rests().is_none() {
                watch(Happened::Users, sharing.socket.as_fd(), PollFlags::IN);
            }
            // A process that waits for the port connects to the socket of its lease.
            let leases = self.leases.iter().filter(|_| sharing.is_to_be_had());
            let watched = leases.flat_map(Signed::watched);
            watched.for_each(|(fd, wanted)| watch(Happened::PortWanted, fd, wanted));
            for user in &sharing.users {
                watch(
                    Happened::Users,
                    user.socket.as_fd(),
                    user.wanted(&self.latest),
                );
            }
        }
        watched
    }
}
