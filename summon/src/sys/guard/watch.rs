//! A guard: the parent of one service, which makes sure that nothing of it outlives its owner.
//!
//! It pumps the service's output into the log, tells its owner what happens, and does what its
//! owner says. When the owner ends, however it ends, it stops the service and all its
//! descendants, which on Linux can't escape: the guard is a subreaper
//! (`PR_SET_CHILD_SUBREAPER(2const)`), so whoever loses its parent becomes the guard's child.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::pipe::PipeFlags;

use super::listener::{Latest, Listener};
use super::message::{Job, Launch, News, Order, Step, Sweep};
use super::notify::Notify;
use super::recorder::Recorder;
use super::service::Service;
use super::sharing::Sharing;
use super::spawn::{Program, spawn};
use super::{FIXTURE_TITLE, errand, signals, sweep, title, wire};
use crate::sys::ports;
use crate::sys::wait::timespec;

/// Lives a guard's life. Ends this process.
pub(super) fn run(owner: UnixStream) {
    let Ok(Some((body, fds))) = wire::receive(&owner) else {
        super::exit(0);
    };
    let Ok(job) = Job::decode(&body) else {
        super::exit(1);
    };
    let launch = match job {
        Job::Service(launch) => launch,
        Job::Errands(errands) => {
            title::set(&format!("summon-guard: {}", errands.name));
            let _ = errand::serve(&owner, &errands, fds);
            super::exit(0);
        }
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
    recorder: Recorder,
    notify: Option<Notify>,
    latest: Latest,
    service: Service,
    name: String,
    sweep: Sweep,
    /// The lock of the session, then leases, which end with this process.
    held: Vec<OwnedFd>,
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
            let notify = launch.notify.as_deref().map(Notify::bind).transpose()?;
            io::Result::Ok((log, child_ended, read, write, notify))
        })();
        let (log, child_ended, read, write, notify) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Err((owner, Step::Prepare, error)),
        };
        let owner_pidfd = if launch.has_pidfd { fds.next() } else { None };
        let sharing = match launch.is_shared {
            true => Sharing::new(fds.next(), fds.next(), launch.yields),
            false => None,
        };
        let sockets: Vec<OwnedFd> = fds.by_ref().take(launch.sockets.len()).collect();
        let program = Program {
            argv: &launch.argv,
            env: &launch.env,
            dir: &launch.dir,
            sockets: &sockets,
            names: &launch.sockets,
        };
        let leader = match spawn(&program, &write) {
            Ok(leader) => leader,
            Err((step, error)) => return Err((owner, step, error)),
        };
        // Our own copy of the writing end would keep the pipe open, and one of a socket would go
        // on to listen when the service has ended.
        drop((write, sockets));
        let held: Vec<OwnedFd> = fds.collect();
        held.iter().for_each(ports::sign);
        let recorder = Recorder::new(read, log);
        let mut guard = Guard {
            // A socket that can't be made non-blocking is as good as closed.
            owner: Listener::new(owner).ok(),
            owner_pidfd,
            inbox: Vec::new(),
            sharing,
            child_ended,
            latest: Latest::new(recorder.length),
            recorder,
            notify,
            service: Service::new(leader, launch.stop),
            name: launch.name.clone(),
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
            pid: self.service.leader,
        }
    }

    fn watch(mut self) {
        while !self.service.is_gone() {
            self.flush();
            let happened = self.sleep().unwrap_or_else(|_| {
                // Without poll nothing sensible is left to do but to keep the promise.
                self.service.kill();
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
                    Happened::Notified => self.hear(),
                    Happened::ChildEnded => {
                        let _ = rustix::io::read(&self.child_ended, &mut [0; 64]);
                    }
                }
            }
            if self.service.reap() {
                // What it said and wrote before it ended comes before the news of its end.
                self.hear();
                self.pump();
                self.tell_latest();
                let exit = self.service.exit.map(News::Exited);
                exit.iter().for_each(|news| self.tell(news));
            }
            if self.service.advance() {
                self.tell(&News::Killed);
            }
        }
        self.pump();
        self.tell_latest();
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
        let timeout = self
            .service
            .due()
            .map(|due| due.saturating_duration_since(Instant::now()));
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
                owner.wanted(&self.latest),
            );
        }
        if let Some(pidfd) = &self.owner_pidfd {
            watch(Happened::OwnerEnded, pidfd.as_fd(), PollFlags::IN);
        }
        if let Some(output) = &self.recorder.output {
            watch(Happened::Output, output.as_fd(), PollFlags::IN);
        }
        if let Some(notify) = &self.notify {
            watch(Happened::Notified, notify.as_fd(), PollFlags::IN);
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
                    user.wanted(&self.latest),
                );
            }
        }
        watched
    }

    fn pump(&mut self) {
        self.recorder.pump();
        self.latest.length = self.recorder.length;
    }

    /// What the service says of itself.
    fn hear(&mut self) {
        let Some(notify) = &self.notify else { return };
        self.latest.notice.extend = None;
        if notify.hear(&mut self.latest.notice) {
            self.latest.notices += 1;
            let extend = self.latest.notice.extend;
            extend
                .into_iter()
                .for_each(|time| self.service.extend(time));
        }
    }

    fn obey(&mut self) {
        let Some(owner) = &mut self.owner else { return };
        let closed = owner.hear(&mut self.inbox).is_err();
        while let Ok(Some(frame)) = wire::take_frame(&mut self.inbox) {
            match Order::decode(&frame) {
                Ok(Order::Signal(signal)) => self.service.signal(signal),
                Ok(Order::Stop(plan)) => self.service.stop(plan),
                Ok(Order::Share(bytes)) => return self.share(bytes),
                Ok(Order::Run(_)) | Err(_) => return self.lose_owner(),
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
        self.service.end();
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
        let mut news = vec![self.started()];
        news.extend(self.service.exit.map(News::Exited));
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
        if sharing.is_to_be_had() && self.service.is_running() {
            sharing.shared = None;
            self.service.end();
        }
    }

    fn end_run(&mut self) {
        if let Some(sharing) = &mut self.sharing {
            sharing.runner = None;
        }
        self.service.end();
    }

    fn listeners(&mut self) -> impl Iterator<Item = &mut Listener> {
        let sharing = self.sharing.iter_mut();
        let users = sharing.flat_map(|sharing| &mut sharing.users);
        self.owner.iter_mut().chain(users)
    }

    fn tell(&mut self, news: &News) {
        self.listeners().for_each(|listener| listener.tell(news));
    }

    /// So that what comes next is not told before it.
    fn tell_latest(&mut self) {
        let latest = self.latest.clone();
        self.listeners()
            .for_each(|listener| listener.tell_latest(&latest));
    }

    fn flush(&mut self) {
        let latest = &self.latest;
        if let Some(sharing) = &mut self.sharing {
            sharing.users.retain_mut(|user| user.flush(latest).is_ok());
        }
        if self
            .owner
            .as_mut()
            .is_some_and(|owner| owner.flush(latest).is_err())
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
    Notified,
    Users,
    RunnerEnded,
    PortWanted,
}
