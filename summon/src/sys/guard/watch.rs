//! A guard: the parent of one service, which makes sure that nothing of it outlives its owner.
//!
//! It pumps the service's output into the log, tells its owner what happens, and does what its
//! owner says. When the owner ends, however it ends, it stops the service and all its
//! descendants, which on Linux can't escape: the guard is a subreaper
//! (`PR_SET_CHILD_SUBREAPER(2const)`), so whoever loses its parent becomes the guard's child.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::SendFlags;
use rustix::pipe::PipeFlags;

use super::message::{Launch, News, Order, Step, StopPlan, Sweep};
use super::tree::{self, Reaped};
use super::{Signal, signals, title, wire};
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
    /// `None` once it has closed.
    owner: Option<UnixStream>,
    /// Can be read when the owner is dead, even if some child of it still holds the socket.
    owner_pidfd: Option<OwnedFd>,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    child_ended: OwnedFd,
    output: Option<File>,
    log: File,
    length: u64,
    told: u64,
    leader: u32,
    leader_reaped: bool,
    exit_told: bool,
    phase: Phase,
    stop: StopPlan,
    sweep: Sweep,
    /// Locks and leases, which end with this process.
    _held: Vec<OwnedFd>,
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
            owner.set_nonblocking(true)?;
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
        let held: Vec<OwnedFd> = fds.collect();
        held.iter().for_each(ports::sign);
        let mut guard = Guard {
            owner: Some(owner),
            owner_pidfd,
            inbox: Vec::new(),
            outbox: Vec::new(),
            child_ended,
            output: Some(File::from(read)),
            log: File::from(log),
            length: 0,
            told: 0,
            leader,
            leader_reaped: false,
            exit_told: false,
            phase: Phase::Running,
            stop: launch.stop,
            sweep: launch.sweep.clone(),
            _held: held,
        };
        guard.tell(News::Started {
            guard: std::process::id(),
            pid: leader,
        });
        Ok(guard)
    }

    fn watch(mut self) {
        while self.phase != Phase::Gone {
            self.flush();
            let happened = self.sleep().unwrap_or_else(|_| {
                // Without poll nothing sensible is left to do but to keep the promise.
                self.phase = Phase::Killing;
                Happened::default()
            });
            if happened.output {
                self.pump();
            }
            if happened.owner_ended {
                self.lose_owner();
            }
            if happened.owner_spoke {
                self.obey();
            }
            if happened.child_ended {
                let _ = rustix::io::read(&self.child_ended, &mut [0; 64]);
            }
            self.reap();
            self.advance();
        }
        self.pump();
        self.tell(News::Grown(self.length));
        self.tell(News::Gone);
        match self.owner {
            Some(owner) => {
                // The last words may block: the owner reads them, or it dies and they fail.
                let _ = owner.set_nonblocking(false);
                let _ = rustix::io::retry_on_intr(|| {
                    rustix::net::send(&owner, &self.outbox, SendFlags::NOSIGNAL)
                });
            }
            None => sweep(&self.sweep),
        }
    }

    fn sleep(&self) -> io::Result<Happened> {
        let timeout = match self.phase {
            Phase::Running => None,
            Phase::Stopping { until, .. } => Some(until.saturating_duration_since(Instant::now())),
            Phase::Killing | Phase::Gone => Some(LOOK_AGAIN),
        };
        let mut from_owner = PollFlags::IN;
        if !self.outbox.is_empty() || self.told != self.length {
            from_owner |= PollFlags::OUT;
        }
        let mut fds = vec![PollFd::new(&self.child_ended, PollFlags::IN)];
        let mut add = |fd| {
            fds.push(fd);
            fds.len() - 1
        };
        let owner = self
            .owner
            .as_ref()
            .map(|it| add(PollFd::new(it, from_owner)));
        let pidfd = self
            .owner_pidfd
            .as_ref()
            .map(|it| add(PollFd::new(it, PollFlags::IN)));
        let output = self
            .output
            .as_ref()
            .map(|it| add(PollFd::new(it, PollFlags::IN)));
        match rustix::event::poll(&mut fds, timeout.map(timespec).as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let can_read = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
        let readable =
            |at: Option<usize>| at.is_some_and(|at| fds[at].revents().intersects(can_read));
        Ok(Happened {
            child_ended: readable(Some(0)),
            owner_spoke: readable(owner),
            owner_ended: readable(pidfd),
            output: readable(output),
        })
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
        let mut buffer = [0; 1024];
        while let Some(owner) = &mut self.owner {
            match owner.read(&mut buffer) {
                Ok(0) => return self.lose_owner(),
                Ok(read) => self.inbox.extend(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return self.lose_owner(),
            }
        }
        while let Ok(Some(frame)) = wire::take_frame(&mut self.inbox) {
            match Order::decode(&frame) {
                Ok(Order::Signal(signal)) => self.signal(signal),
                Ok(Order::Stop(plan)) => self.stop(plan),
                Err(_) => return self.lose_owner(),
            }
        }
    }

    /// The owner is dead, or speaks nonsense: the service goes.
    fn lose_owner(&mut self) {
        self.owner = None;
        self.owner_pidfd = None;
        self.outbox.clear();
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
                    if !self.exit_told {
                        self.exit_told = true;
                        // What it wrote before it ended comes before the news of its end.
                        self.pump();
                        self.tell(News::Grown(self.length));
                        self.tell(News::Exited(status));
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

    fn tell(&mut self, news: News) {
        if let News::Grown(length) = news {
            self.told = length;
        }
        if self.owner.is_some() {
            self.outbox.extend(wire::frame(&news.encode()));
        }
    }

    /// Sends what can be sent without blocking: an owner that does not read (it may be stopped
    /// in a debugger) must not stop the service.
    fn flush(&mut self) {
        if self.outbox.is_empty() && self.told != self.length {
            self.tell(News::Grown(self.length));
        }
        let Some(owner) = &self.owner else { return };
        match rustix::net::send(owner, &self.outbox, SendFlags::NOSIGNAL) {
            Ok(sent) => drop(self.outbox.drain(..sent)),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(_) => self.lose_owner(),
        }
    }
}

#[derive(Default)]
struct Happened {
    child_ended: bool,
    owner_spoke: bool,
    owner_ended: bool,
    output: bool,
}

/// Removes what the owner would have removed, had it lived.
fn sweep(files: &Sweep) {
    if let Some(tree) = &files.tree {
        let _ = fs::remove_dir_all(tree);
    }
    if let Some(file) = &files.file {
        let _ = fs::remove_file(file);
    }
    if let Some(parent) = &files.parent {
        let _ = fs::remove_dir(parent);
    }
}
