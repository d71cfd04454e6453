//! The loop of a warden.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rustix::process::Pid;

use crate::guard::children::{self, Reaped};
use crate::guard::clients::Clients;
use crate::guard::killing::{self, Pace};
use crate::guard::protocol::message::News;
use crate::guard::protocol::request::{self, Remover};
use crate::guard::protocol::warden::{EXITING, GOT, RETIRED};
use crate::guard::protocol::wire;
use crate::guard::state::Step;
use crate::guard::watch;
use crate::sys::ending::Ending;
use crate::sys::family::{self, ChildEnds, Orphans};
use crate::sys::{Signal, exit, sockets, wait};

/// How long to wait for the owner's end after its socket has closed. A dying process closes its
/// descriptors shortly before it ends.
pub(super) const END_LIMIT: Duration = Duration::from_secs(10);

pub(super) struct Warden {
    child_ended: ChildEnds,
    /// The children that are alive: guards, links, and removers.
    guards: Vec<u32>,
    /// The guards of containers, and how to remove these.
    containers: Vec<(u32, Remover)>,
    /// The removers that run, and the clients that they need.
    removers: Vec<(u32, Clients)>,
    orphans: Orphans,
    /// Whether the owner ended without an exit message.
    was_killed: bool,
}

impl Warden {
    pub(super) fn new(child_ended: ChildEnds) -> Warden {
        Warden {
            child_ended,
            guards: Vec::new(),
            containers: Vec::new(),
            removers: Vec::new(),
            orphans: Orphans::new(),
            was_killed: true,
        }
    }

    /// Forks guards while the owner lives, then waits until they have cleaned up. Returns whether
    /// the owner was killed. Returns `None` for a retired warden with a living owner: another
    /// warden cleans up.
    ///
    /// `ended` reports the owner's death. The socket alone is not enough: a forked child of the
    /// owner may hold its other end for much longer. `after` is called once the owner has ended.
    pub(super) fn serve(
        mut self,
        socket: &UnixStream,
        ended: Option<&Ending>,
        after: impl FnOnce(),
    ) -> io::Result<Option<bool>> {
        let (mut has_owner, mut is_retired) = (true, false);
        let mut pace = Pace::new();
        let mut after = Some(after);
        loop {
            if !has_owner {
                after.take().into_iter().for_each(|after| after());
            }
            // Reap before the search for orphans: the search excludes the descendants of live
            // guards. A guard that ends between the two steps writes another byte to the pipe, so
            // the next round finds its orphans.
            let (reaped, killed) = self.reap();
            let is_childless = reaped == Reaped::Childless && killed.is_empty();
            for (guard, remover) in killed {
                self.fork_remover(socket, guard, &remover);
            }
            self.resume_guards();
            let orphans = self.kill_orphans();
            // The warden outlives all its guards and reaps them. If it ended first, process 1 would
            // inherit them, and in many containers process 1 reaps nothing: they would stay
            // zombies.
            if is_childless && orphans.is_empty() && (!has_owner || is_retired) {
                return Ok((!has_owner).then_some(self.was_killed));
            }
            let is_last = !has_owner && self.guards.is_empty();
            let has_orphans = !orphans.is_empty();
            pace.note(orphans);
            // No signal announces a new orphan: the kernel reparents silently. While orphans are
            // dying, their children may arrive at any moment, so the warden polls for them.
            let again = has_orphans.then(|| pace.due());
            let survivors = pace.survivors(killing::PATIENCE);
            // An orphan that became another user can't be signalled. It must not keep the warden,
            // and with it the files of the session, for ever.
            if is_last && killing::are_out_of_reach(&survivors) {
                return Ok(Some(self.was_killed));
            }
            let mut fds = vec![self.child_ended.as_fd()];
            if has_owner {
                fds.push(socket.as_fd());
                fds.extend(ended.map(AsFd::as_fd));
            }
            wait::sleep(&fds, again)?;
            // The owner's death comes before its requests: a guard that it asked for would have no
            // owner.
            if has_owner && ended.is_some_and(Ending::has_come) {
                has_owner = false;
                // A dead owner may have sent its exit message. The socket still holds those bytes, so
                // read them all. The descriptors of its requests close unused.
                while wait::is_readable(&socket) {
                    match wire::receive(socket) {
                        Ok(Some((body, _))) => self.was_killed &= body != EXITING,
                        _ => break,
                    }
                }
            }
            if has_owner && wait::is_readable(&socket) {
                match wire::receive(socket) {
                    Ok(Some((body, _))) if body == EXITING => self.was_killed = false,
                    // A retired warden ends after its last guard. Until then it still listens,
                    // because the owner may end first, and then the exit message decides about the
                    // logs.
                    Ok(Some((body, _))) if body == RETIRED => is_retired = true,
                    Ok(Some((body, fds))) => {
                        let remover = request::decode(&body).ok().flatten();
                        // A request has one descriptor.
                        if let Some(end) = fds.into_iter().next() {
                            self.fork_guard(socket, end, remover);
                        }
                    }
                    // End of file, or a socket error: the owner has closed its end, or has died.
                    _ => has_owner = false,
                }
            }
        }
    }

    /// Reaps all children that have ended. Returns also the guards that were killed, and how to remove
    /// their containers.
    fn reap(&mut self) -> (Reaped, Vec<(u32, Remover)>) {
        // Empties the pipe before it reaps. A guard that ends after the last look writes a new
        // byte. In the other order, that byte could be drained with the old ones, and the zombie
        // would stay unnoticed.
        self.child_ended.note();
        let mut killed = Vec::new();
        loop {
            match children::reap(None) {
                Ok(Reaped::Child(pid, status)) if self.guards.contains(&pid) => {
                    self.guards.retain(|guard| *guard != pid);
                    self.removers.retain(|(remover, _)| *remover != pid);
                    self.orphans.guard_ended(pid);
                    let place = self.containers.iter().position(|(guard, _)| *guard == pid);
                    let remover = place.map(|place| self.containers.swap_remove(place));
                    // A guard that exits in order has removed its container.
                    killed.extend(remover.filter(|_| status != 0));
                }
                Ok(Reaped::Child(..)) => {}
                Ok(other) => return (other, killed),
                Err(_) => return (Reaped::Nobody, killed),
            }
        }
    }

    /// Resumes guards that were halted (SIGSTOP). A halted guard does not notice that its owner has
    /// ended.
    fn resume_guards(&self) {
        // The kernel also sends SIGCHLD when a child stops (`sigaction(2)`: no SA_NOCLDSTOP here),
        // so this loop runs right after the halt. A guard that runs ignores SIGCONT. Each pid is
        // safe to signal: only this process reaps guards, and it removes a reaped one from the
        // list.
        for guard in &self.guards {
            children::signal_child(*guard, Signal::CONT);
        }
    }

    /// Kills every process that has lost its guard, and returns their pids.
    fn kill_orphans(&mut self) -> Vec<u32> {
        let mut orphans = self.orphans.find(&self.guards);
        let removers = &self.removers;
        orphans.retain(|orphan| !removers.iter().any(|(_, clients)| clients.has(orphan.pid)));
        for orphan in &orphans {
            // The descendants first: they become children of the warden only when the orphan ends,
            // and could do harm until then. If a descendant forks during this round, the next round
            // finds the new process.
            family::signal_below(orphan.pid, Signal::KILL);
            orphan.signal(Signal::KILL);
        }
        orphans.into_iter().map(|orphan| orphan.pid).collect()
    }

    fn fork_guard(&mut self, warden: &UnixStream, guard_end: OwnedFd, remover: Option<Remover>) {
        let socket = UnixStream::from(guard_end);
        if !sockets::SAFE_IN_TRANSIT {
            // Sending fails if the owner has died meanwhile. The new guard then finds its socket
            // closed, and ends.
            let _ = wire::send(&socket, GOT, &[]);
        }
        let mut own = Some(socket);
        let run = |me| {
            if let Some(own) = own.take() {
                watch::launch::run(own, me);
            }
        };
        match self.fork(warden, run) {
            Ok(guard) => self.containers.extend(remover.map(|it| (guard, it))),
            Err(error) => {
                // For example EAGAIN, at the limit of processes. The owner waits on this socket, so
                // it learns the reason here.
                let news = News::Refused {
                    step: Step::Fork,
                    errno: error.raw_os_error().unwrap_or_default(),
                };
                if let Some(socket) = own {
                    let _ = wire::send(&socket, &news.encode(), &[]);
                }
            }
        }
    }

    /// Removes the container of a guard that was killed.
    fn fork_remover(&mut self, warden: &UnixStream, guard: u32, remover: &Remover) {
        let clients = Clients::new(guard, &remover.removal);
        // If the fork fails, the labels of the container tell a later run to remove it.
        let forked = self.fork(warden, |me| watch::remover::run(remover, &clients, me));
        self.removers.extend(forked.map(|pid| (pid, clients)));
    }

    /// Forks a child that calls `body` and ends.
    fn fork(&mut self, warden: &UnixStream, body: impl FnOnce(Pid)) -> io::Result<u32> {
        // Read before the fork. In the child, `getppid` would return another pid if the warden had
        // died by then, and the child would later resume a stranger.
        let me = rustix::process::getpid();
        // SAFETY: this process has one thread, so the child is not limited to async-signal-safe
        // functions (`fork(2)`).
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                // A child with a copy of the warden's end would hide the warden's death. The
                // owner's next request would wait in a socket that no process reads.
                // SAFETY: the child never uses this descriptor again, nor closes it twice: it
                // leaves through `exit::now`, which runs no destructor.
                let _ = unsafe { libc::close(warden.as_raw_fd()) };
                // The read end of the warden's pipe. `notice_children` in the child replaces the
                // write end.
                self.child_ended.close_copy();
                let _ = catch_unwind(AssertUnwindSafe(|| body(me)));
                exit::now(1);
            }
            child => {
                let child = child as u32;
                // A child that has ended already is a zombie until the next `reap`, so its pid is
                // still its own.
                self.guards.push(child);
                self.child_ended.started(child);
                Ok(child)
            }
        }
    }
}
