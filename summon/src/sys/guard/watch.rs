//! A guard: the parent of one service, which makes sure that nothing of it outlives its owner.
//!
//! It pumps the service's output into the log, tells its owner what happens, and does what its
//! owner says. When the owner ends, however it ends, it stops the service and all its
//! descendants, which on Linux can't escape: the guard is a subreaper
//! (`PR_SET_CHILD_SUBREAPER(2const)`), so whoever loses its parent becomes the guard's child.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::pipe::PipeFlags;

use super::listener::Listener;
use super::message::{Launch, News, Order, Step, StopPlan, Sweep};
use super::sharing::Sharing;
use super::tree::{self, Reaped};
use super::{FIXTURE_TITLE, Signal, signals, sweep, title, wire};
use crate::sys::ports;
use crate::sys::wait::timespec;

/// Descendants that were forked while others were killed are looked for this often.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Lives a guard's life. Ends this process.
pub(super) fn run(owner: UnixStream) {
    let Ok(Some((body, fds))) = wire::receive(&owner) else {
        super::exit(0);
    };
    let Ok(launch) = Launch::decode(&body) else {
        super::exit(1);
    };
    title::set(&format!("summon-guard: {}", launch.name));
    match Guard::launch(owner, &launch, fds) {
        Ok(guard) => guard.watch(),
        Err((owner, step, error)) => {
            let errno = error.raw_os_error().unwrap_or(libc::EINVAL);
            let _ = wire::send(&owner, &News::Refused { step, errno }.encode(), &[]);
        }
    }
    super::exit(0);
}

struct Guard {
    /// `None` once it has closed, or once the service is shared.
    owner: Option<Listener>,
    /// Can be read when the owner is dead, even if some child of it still holds the socket.
    owner_pidfd: Option<OwnedFd>,
    inbox: Vec<u8>,
    sharing: Option<Sharing>,
    child_ended: OwnedFd,
    output: Option<File>,
    log: File,
    length: u64,
    leader: u32,
    leader_reaped: bool,
    /// The wait status of the leader, once it has ended.
    exit: Option<i32>,
    phase: Phase,
    name: String,
    stop: StopPlan,
    sweep: Sweep,
    /// The lock of the session, then leases, which end with this process.
    held: Vec<OwnedFd>,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Running,
    /// The group was asked to end. `asked_all`: so was everybody outside of it.
    Stopping {
        until: Instant,
        asked_all: bool,
    },
    Killing,
    Gone,
}

impl Guard {
    fn launch(
        owner: UnixStream,
        launch: &Launch,
        fds: Vec<OwnedFd>,
    ) -> Result<Guard, (UnixStream, Step, io::Error)> {
        let mut fds = fds.into_iter();
        let prepared = (|| {
            rustix::process::setsid()?;
            rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
            let log = fds.next().ok_or(io::ErrorKind::InvalidInput)?;
            let child_ended = signals::notice_children()?;
            let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
            rustix::io::ioctl_fionbio(&read, true)?;
            io::Result::Ok((log, child_ended, read, write))
        })();
        let (log, child_ended, read, write) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Err((owner, Step::Prepare, error)),
        };
        let leader = match tree::spawn(launch, &write) {
            Ok(leader) => leader,
            Err((step, error)) => return Err((owner, step, error)),
        };
        // Our own copy of the writing end would keep the pipe open.
        drop(write);
        let owner_pidfd = if launch.has_pidfd { fds.next() } else { None };
        let sharing = match launch.is_shared {
            true => Sharing::new(fds.next(), fds.next(), launch.yields),
            false => None,
        };
        let held: Vec<OwnedFd> = fds.collect();
        held.iter().for_each(ports::sign);
        let log = File::from(log);
        let mut guard = Guard {
            // A socket that can't be made non-blocking is as good as closed.
            owner: Listener::new(owner).ok(),
            owner_pidfd,
            inbox: Vec::new(),
            sharing,
            child_ended,
            output: Some(File::from(read)),
            length: log.metadata().map_or(0, |log| log.len()),
            log,
            leader,
            leader_reaped: false,
            exit: None,
            phase: Phase::Running,
            name: launch.name.clone(),
            stop: launch.stop,
            sweep: launch.sweep.clone(),
            held,
        };
        let started = guard.started();
        guard.tell(&started);
        Ok(guard)
    }

    fn started(&self) -> News {
        News::Started {
            guard: std::process::id(),
            pid: self.leader,
        }
    }

    fn watch(mut self) {
        while self.phase != Phase::Gone {
            self.flush();
            let happened = self.sleep().unwrap_or_else(|_| {
                // Without poll nothing sensible is left to do but to keep the promise.
                self.phase = Phase::Killing;
                Vec::new()
            });
            for what in happened {
                match what {
                    Happened::Output => self.pump(),
                    // What it said before it died comes first; it may have shared the service.
                    Happened::OwnerEnded => {
                        self.obey();
                        if self.owner_pidfd.is_some() {
                            self.lose_owner();
                        }
                    }
                    Happened::OwnerSpoke => self.obey(),
                    Happened::Users => self.meet_users(),
                    Happened::RunnerEnded => self.end_run(),
                    Happened::PortWanted => self.yield_port(),
                    Happened::ChildEnded => {
                        let _ = rustix::io::read(&self.child_ended, &mut [0; 64]);
                    }
                }
            }
            self.reap();
            self.advance();
        }
        self.pump();
        self.tell(&News::Grown(self.length));
        self.tell(&News::Gone);
        // Files go before the news that all is gone.
        if self.owner.is_none() {
            // The lock of the session is the first of what is held.
            sweep::sweep(&self.sweep, self.held.first());
        }
        let users = self.sharing.into_iter().flat_map(|sharing| sharing.users);
        self.owner.into_iter().chain(users).for_each(Listener::part);
    }

    /// Sleeps until something happens, and says what.
    fn sleep(&self) -> io::Result<Vec<Happened>> {
        let timeout = match self.phase {
            Phase::Running => None,
            Phase::Stopping { until, .. } => Some(until.saturating_duration_since(Instant::now())),
            Phase::Killing | Phase::Gone => Some(LOOK_AGAIN),
        };
        let watched = self.watched();
        let mut polled: Vec<_> = watched
            .iter()
            .map(|(_, fd, wanted)| PollFd::from_borrowed_fd(*fd, *wanted))
            .collect();
        match rustix::event::poll(&mut polled, timeout.map(timespec).as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
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
                owner.wanted(self.length),
            );
        }
        if let Some(pidfd) = &self.owner_pidfd {
            watch(Happened::OwnerEnded, pidfd.as_fd(), PollFlags::IN);
        }
        if let Some(output) = &self.output {
            watch(Happened::Output, output.as_fd(), PollFlags::IN);
        }
        if let Some(sharing) = &self.sharing {
            watch(Happened::Users, sharing.socket.as_fd(), PollFlags::IN);
            if let Some(runner) = &sharing.runner {
                watch(Happened::RunnerEnded, runner.as_fd(), PollFlags::IN);
            }
            // Who waits for a port is in the queue of its lease.
            let leases = self.held.iter().skip(1).filter(|_| sharing.is_to_be_had());
            leases.for_each(|lease| watch(Happened::PortWanted, lease.as_fd(), PollFlags::IN));
            for user in &sharing.users {
                watch(
                    Happened::Users,
                    user.socket.as_fd(),
                    user.wanted(self.length),
                );
            }
        }
        watched
    }

    /// Moves what the pipe holds into the log. It never waits for an end of file, which some
    /// grandchild may withhold, and takes no more than a pipe can hold, so that one who writes
    /// without end gets his turn and no more.
    fn pump(&mut self) {
        let mut buffer = [0; 64 * 1024];
        for _ in 0..16 {
            let Some(output) = &mut self.output else {
                return;
            };
            match output.read(&mut buffer) {
                Ok(0) => self.output = None,
                Ok(read) => {
                    // A full disk costs the log, never the service: it must not block.
                    if self.log.write_all(&buffer[..read]).is_ok() {
                        self.length += read as u64;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.output = None,
            }
        }
    }

    fn obey(&mut self) {
        let Some(owner) = &mut self.owner else { return };
        let closed = owner.hear(&mut self.inbox).is_err();
        while let Ok(Some(frame)) = wire::take_frame(&mut self.inbox) {
            match Order::decode(&frame) {
                Ok(Order::Signal(signal)) => self.signal(signal),
                Ok(Order::Stop(plan)) => self.stop(plan),
                Ok(Order::Share(bytes)) => return self.share(bytes),
                Err(_) => return self.lose_owner(),
            }
        }
        if closed {
            self.lose_owner();
        }
    }

    /// The owner is dead, or speaks nonsense: the service goes.
    fn lose_owner(&mut self) {
        self.owner = None;
        self.owner_pidfd = None;
        if self.phase == Phase::Running {
            self.stop(self.stop);
        }
    }

    /// From now on the service belongs to the runner, and its owner is a user like others.
    fn share(&mut self, bytes: Vec<u8>) {
        let Some(sharing) = &mut self.sharing else {
            return self.lose_owner();
        };
        sharing.shared = Some(bytes.clone());
        sharing.users.extend(self.owner.take());
        self.owner_pidfd = None;
        title::set(&format!("summon-guard: {}{FIXTURE_TITLE}", self.name));
        self.tell(&News::Shared(bytes));
    }

    fn meet_users(&mut self) {
        let mut news = vec![self.started(), News::Grown(self.length)];
        news.extend(self.exit.map(News::Exited));
        if let Some(sharing) = &mut self.sharing {
            sharing.meet_users(news);
        }
    }

    /// Ends for somebody who waits, unless a user has come meanwhile. Who comes from now on is not
    /// told that it is shared, and waits until it is gone.
    fn yield_port(&mut self) {
        self.meet_users();
        let Some(sharing) = &mut self.sharing else {
            return;
        };
        if sharing.is_to_be_had() && self.phase == Phase::Running {
            sharing.shared = None;
            self.stop(self.stop);
        }
    }

    fn end_run(&mut self) {
        if let Some(sharing) = &mut self.sharing {
            sharing.runner = None;
        }
        if self.phase == Phase::Running {
            self.stop(self.stop);
        }
    }

    fn signal(&self, signal: Signal) {
        if self.leader_reaped {
            tree::signal_all(signal);
        } else {
            tree::signal_group(self.leader, signal);
        }
    }

    fn stop(&mut self, plan: StopPlan) {
        self.stop = plan;
        if plan.grace.is_zero() {
            self.phase = Phase::Killing;
            return;
        }
        self.signal(plan.signal);
        // A program that is halted hears nothing else until it goes on.
        self.signal(Signal::CONT);
        self.phase = Phase::Stopping {
            until: Instant::now() + plan.grace,
            asked_all: false,
        };
    }

    fn reap(&mut self) {
        // A leader that ended on its own stays a zombie until the group was asked to end, see
        // `tree::reap`. Orphans that end behind it wait as long.
        let keep = (self.phase == Phase::Running).then_some(self.leader);
        loop {
            match tree::reap(keep) {
                Ok(Reaped::Child(pid, status)) if pid == self.leader => {
                    self.leader_reaped = keep.is_none();
                    if self.exit.is_none() {
                        self.exit = Some(status);
                        // What it wrote before it ended comes before the news of its end.
                        self.pump();
                        self.tell(&News::Grown(self.length));
                        self.tell(&News::Exited(status));
                    }
                    if keep.is_some() {
                        return;
                    }
                }
                Ok(Reaped::Child(..)) => {}
                Ok(Reaped::Nobody) => return,
                Ok(Reaped::Childless) | Err(_) => {
                    self.phase = Phase::Gone;
                    return;
                }
            }
        }
    }

    fn advance(&mut self) {
        match &mut self.phase {
            Phase::Stopping { until, .. } if Instant::now() >= *until => {
                self.phase = Phase::Killing;
                tree::signal_all(Signal::KILL);
            }
            // The group is gone, and who has left it was not asked yet. It has the same grace.
            Phase::Stopping { asked_all, .. }
                if !*asked_all && self.leader_reaped && !tree::group_exists(self.leader) =>
            {
                *asked_all = true;
                tree::signal_all(self.stop.signal);
            }
            // Again and again: a fork may have escaped the last round.
            Phase::Killing => tree::signal_all(Signal::KILL),
            _ => {}
        }
    }

    fn tell(&mut self, news: &News) {
        let users = self
            .sharing
            .iter_mut()
            .flat_map(|sharing| &mut sharing.users);
        for listener in self.owner.iter_mut().chain(users) {
            listener.tell(news);
        }
    }

    fn flush(&mut self) {
        let length = self.length;
        if let Some(sharing) = &mut self.sharing {
            sharing.users.retain_mut(|user| user.flush(length).is_ok());
        }
        if self
            .owner
            .as_mut()
            .is_some_and(|owner| owner.flush(length).is_err())
        {
            self.lose_owner();
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Happened {
    ChildEnded,
    OwnerSpoke,
    OwnerEnded,
    Output,
    Users,
    RunnerEnded,
    PortWanted,
}
