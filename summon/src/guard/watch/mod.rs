//! A guard: the parent of one service. It ensures that the service does not outlive its owner.
//!
//! The guard moves the service's output into the log, reports events to its owner, and obeys the
//! owner's orders. When the owner ends for any reason, the guard stops the service and all its
//! descendants, as far as the system shows them ([`family`](crate::sys::family)).

mod events;
mod orders;

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::command::{self, Owner};
use super::job::{Ends, Job};
use super::killing;
use super::listener::{self, Latest, Listener};
use super::lost::{self, Lost};
use super::message::{News, Use};
use super::notify::Notify;
use super::program::Program;
use super::recorder::Recorder;
use super::service::{Change, Progress, Service};
use super::sharing::Sharing;
use super::spawn::spawn;
use super::state::{Ran, Step};
use super::sweep;
use super::terms::Terms;
use super::{signals, title, wire};
use crate::port::GUARD_TITLE;
use crate::sys::ending::{self, Ending};
use crate::sys::exit;
use crate::sys::family;
use crate::sys::ports::{self, Signed};
use crate::sys::{private, proc};

/// The minimum time for each command that runs after the stop.
const LEAST: Duration = Duration::from_secs(1);
/// How long to wait for the job. The owner sends it right after its request. The limit is needed if
/// the owner dies in between: a forked child may hold the other end of the socket, so no end of
/// file arrives.
const JOB_LIMIT: Duration = Duration::from_secs(60);
/// How long an owner may stop its services itself after the runner has ended. Ctrl-C ends both, and
/// a test program that catches it cleans up.
const AFTER_RUN: Duration = Duration::from_secs(2);

/// Runs a guard in this process, a child of `warden`, and ends the process.
pub(super) fn run(owner: UnixStream, warden: Pid) {
    let _ = owner.set_read_timeout(Some(JOB_LIMIT));
    // End of file or time-out: the owner died before it sent the job. Nothing was started.
    let Ok(Some((body, fds))) = wire::receive(&owner) else {
        exit::now(0);
    };
    let Ok(mut job) = Job::decode(&body, fds) else {
        exit::now(1);
    };
    let _ = owner.set_read_timeout(None);
    title::set(&format!("{GUARD_TITLE}{}", job.program.name));
    let Some(terms) = job.terms.take() else {
        let _ = command::serve(&owner, job);
        // The owner may have ended, and a halted warden would not clean up after it.
        wake(warden);
        exit::now(0);
    };
    match Guard::launch(owner, job.ends, job.program, terms, warden) {
        Ok(guard) => guard.watch(),
        Err((owner, step, error)) => {
            let errno = error.raw_os_error().unwrap_or(libc::EINVAL);
            let _ = wire::send(&owner, &News::Refused { step, errno }.encode(), &[]);
        }
    }
    exit::now(0);
}

/// An event that a guard waits for.
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

/// Resumes the warden if it was halted: it cleans up after the owner, and resumes other guards.
fn wake(warden: Pid) {
    // A warden that is still our parent is alive: when it dies, this guard gets another parent. A
    // stranger could get the signal only if the warden died and its pid was reused between the
    // check and the signal.
    if rustix::process::getppid() == Some(warden) {
        let _ = rustix::process::kill_process(warden, Signal::CONT);
    }
}

struct Guard {
    warden: Pid,
    /// The owner. `None` after it has closed its socket, or once the service is shared.
    owner: Option<Listener>,
    /// Reports the owner's end, even if a forked child of the owner still holds the socket.
    owner_ended: Option<Ending>,
    /// Reports the runner's end. `None` after that, or without a runner.
    runner: Option<Ending>,
    /// When to stop the service, once the runner has ended.
    run_ends: Option<Instant>,
    sharing: Option<Sharing>,
    child_ended: family::Ends,
    recorder: Recorder,
    notify: Option<Notify>,
    latest: Latest,
    service: Service,
    /// When the guard noticed the end of the program.
    ended: Option<Instant>,
    /// The owners and users that were lost while they used the service.
    lost: Vec<Lost>,
    program: Program,
    /// The terms. Descriptors in them, such as locks, close when this process ends.
    terms: Terms,
    leases: Vec<Signed>,
}

impl Guard {
    fn launch(
        owner: UnixStream,
        ends: Ends<OwnedFd>,
        mut program: Program,
        mut terms: Terms,
        warden: Pid,
    ) -> Result<Guard, (UnixStream, Step, io::Error)> {
        let prepared = (|| {
            // A session without a controlling terminal: Ctrl-C reaches the test but not the
            // service, and the guard decides how the service ends. On macOS the session also
            // identifies the descendants.
            rustix::process::setsid()?;
            // SIGCHLD is caught before the program starts, so its end can't be missed.
            let child_ended = family::Ends::of_guard(signals::notice_children()?)?;
            let log = terms.log.try_clone()?;
            let (recorder, output) = Recorder::new(log, terms.streams.take(), terms.log_limit)?;
            let notify = terms.notify.as_deref().map(Notify::bind).transpose()?;
            io::Result::Ok((child_ended, recorder, output, notify))
        })();
        let (child_ended, recorder, output, notify) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Err((owner, Step::Prepare, error)),
        };
        // If the watch fails, the end of the socket is the only sign of the owner's end. That still
        // covers every owner without forked children.
        let watch = |sent: Option<OwnedFd>| sent.and_then(|sent| ending::watch(sent).ok());
        let leader = match spawn(&program, [&output[0], &output[1]]) {
            Ok(leader) => leader,
            Err((step, error)) => return Err((owner, step, error)),
        };
        child_ended.started(leader);
        // The guard's own copies would keep the pipes open, and sockets would listen after the
        // service has ended.
        drop(output);
        program.stdin = None;
        program.sockets.clear();
        let sharing = terms.sharing.take();
        let sharing = sharing.and_then(|it| Sharing::new(it.socket, it.yields));
        let leases = std::mem::take(&mut terms.leases);
        let mut guard = Guard {
            warden,
            // A socket that can't be made non-blocking could block the guard, so it counts as
            // closed.
            owner: Listener::new(owner).ok(),
            owner_ended: watch(ends.owner),
            runner: watch(ends.runner),
            run_ends: None,
            sharing,
            child_ended,
            latest: Latest::new(recorder.log.length),
            recorder,
            notify,
            service: Service::new(leader, terms.daemon, terms.stop.clone()),
            ended: None,
            lost: Vec::new(),
            program,
            terms,
            leases: leases.into_iter().map(ports::sign).collect(),
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
        // Processes that were killed and do not end.
        let mut survivors = Vec::new();
        while !self.service.is_gone() {
            // Before the sleep, since the last round may have queued messages.
            self.flush();
            let happened = self.sleep().unwrap_or_else(|_| {
                // Without `poll` the guard can't notice any event. It keeps its main promise: it
                // kills the service.
                self.service.kill();
                Vec::new()
            });
            for what in happened {
                match what {
                    Happened::Output => self.pump(),
                    Happened::OwnerEnded => self.look_for_owner(),
                    Happened::OwnerSpoke => self.obey(),
                    Happened::Users => self.meet_users(),
                    Happened::RunnerEnded => self.look_for_runner(),
                    Happened::PortWanted => self.yield_port(),
                    Happened::Notified => self.hear(),
                    // Drains the pipe before the `reap` below. A child that ends after that `reap`
                    // writes a new byte, and the next `poll` returns at once.
                    Happened::ChildEnded => self.child_ended.note(),
                }
            }
            self.reap();
            match self.service.advance() {
                Progress::None => {}
                Progress::Killed => self.tell(&News::Killed),
                Progress::Survived(left) => {
                    self.tell(&News::Survived(killing::names(&left)));
                    survivors = left;
                }
            }
            self.end_with_run();
        }
        // A halted warden would not clean up after the owner, and this guard is about to end.
        wake(self.warden);
        self.pump();
        survivors.retain(|pid| !proc::has_ended(*pid));
        // Unkillable processes have used up the patience already. The commands below count them as
        // leftovers, and must not wait for them again.
        let patience = match survivors.is_empty() {
            true => killing::PATIENCE,
            false => Duration::ZERO,
        };
        self.clean_up(patience);
        // On macOS the notify socket is a file. It must go before the owner removes the directory.
        self.notify = None;
        // The final length of the log goes out before `Gone`: at `Gone` the owner reads the log.
        self.tell_latest();
        if survivors.is_empty() {
            self.tell(&News::Gone);
        }
        // Files go before `part` reports the end. A user may then start the service again, and must
        // not find old files, nor lose new ones.
        if self.owner.is_none() {
            self.sweep();
        }
        let users = self.sharing.into_iter().flat_map(|sharing| sharing.users);
        listener::part(self.owner.into_iter().chain(users).collect());
    }

    /// Reaps ended processes, and reports the end of the program.
    fn reap(&mut self) {
        match self.service.reap() {
            Change::Ended => {
                // Output and notices from before the end are reported before the end. Both are
                // complete here: a dead process writes no more.
                self.hear();
                self.pump();
                self.tell_latest();
                self.ended = Some(Instant::now());
                let exit = self.service.exit.map(News::Exited);
                exit.iter().for_each(|news| self.tell(news));
            }
            Change::NewLeader => {
                let started = self.started();
                self.tell(&started);
            }
            Change::None => {}
        }
    }

    fn pump(&mut self) {
        self.recorder.pump();
        self.latest.length = self.recorder.log.length;
        self.latest.lost = self.recorder.lost();
    }

    /// Runs the commands that follow the stop, whether or not the owner still lives.
    fn clean_up(&mut self, patience: Duration) {
        let limit = self.service.plan().grace.max(LEAST);
        for argv in &self.terms.after_stop {
            let program = self.program.helper(argv);
            let until = Instant::now() + limit;
            let ran = match command::run(
                &program,
                until,
                patience,
                &self.child_ended,
                &Owner::default(),
            ) {
                Ok(Ok(Some(ran))) => ran,
                Ok(Err((_, error))) | Err(error) => Ran {
                    status: Some(127 << 8),
                    output: error.to_string().into_bytes(),
                },
                Ok(Ok(None)) => continue,
            };
            self.recorder.log.keep(&ran.output);
            self.latest.length = self.recorder.log.length;
            let news = News::AfterStop(ran);
            let sharing = self.sharing.iter_mut();
            let users = sharing.flat_map(|sharing| &mut sharing.users);
            self.owner
                .iter_mut()
                .chain(users)
                .for_each(|it| it.tell(&news));
        }
    }

    /// Receives the notices of the service (`sd_notify(3)`).
    fn hear(&mut self) {
        let Some(notify) = &self.notify else { return };
        self.latest.notice.extend = None;
        if notify.hear(&mut self.latest.notice) {
            self.latest.notices += 1;
            // An extension counts only while an owner waits, and not after the run. Otherwise the
            // service gets just its grace.
            let is_awaited = self.owner.is_some() && self.run_ends.is_none();
            let extend = self.latest.notice.extend.filter(|_| is_awaited);
            extend
                .into_iter()
                .for_each(|time| self.service.extend(time));
        }
    }

    fn look_for_owner(&mut self) {
        if !self.owner_ended.as_ref().is_some_and(Ending::has_come) {
            return;
        }
        // The owner's last messages may still be in the socket. If they share the service, it must
        // survive the owner.
        self.obey();
        // `obey` loses the owner if it finds the socket closed, or makes it a user if it shares the
        // service.
        if self.owner_ended.is_some() {
            self.lose_owner();
        }
    }

    /// Gives up the owner, which is dead or sends garbage, and stops the service.
    fn lose_owner(&mut self) {
        wake(self.warden);
        let ending = self.owner_ended.take();
        if let Some(owner) = self.owner.take() {
            // The log's length at this moment separates output during the test from output during
            // the stop.
            self.pump();
            let about = &self.terms.about;
            let tests = match (&*about.test, &owner.uses()[..]) {
                ("", []) => vec![(String::new(), about.since)],
                ("", uses) => uses.iter().map(|it| (it.test.clone(), it.since)).collect(),
                (test, _) => vec![(test.to_owned(), about.since)],
            };
            let exit = self.service.exit.zip(self.ended);
            let lost = Lost::new(tests, self.recorder.log.length, exit, ending);
            self.lost.push(lost);
        }
        self.service.hurry();
        self.end();
    }

    /// Records users that were killed while their tests used the service.
    fn lose_users(&mut self, uses: Vec<Use>) {
        self.pump();
        let tests = uses.into_iter().map(|it| (it.test, it.since)).collect();
        let exit = self.service.exit.zip(self.ended);
        let lost = Lost::new(tests, self.recorder.log.length, exit, None);
        self.lost.push(lost);
    }

    /// Cleans up in the owner's place. The log of a dead owner is left to its warden, which knows
    /// whether the owner was killed. The log of a service that a run shares stays if a user was
    /// killed.
    fn sweep(&mut self) {
        let (terms, log) = (&self.terms, &self.recorder.log.file);
        let (name, files) = (&self.program.name, &terms.sweep);
        let is_of_run = self.sharing.is_some();
        let lost = std::mem::take(&mut self.lost);
        let was_interrupted = is_of_run && files.was_interrupted();
        let lost = lost
            .into_iter()
            .filter(|it| !was_interrupted && it.is_real());
        let reports: Vec<String> = lost
            .flat_map(|it| it.reports(name, &terms.about, log, &files.log))
            .collect();
        if !reports.is_empty() {
            lost::write(&files.logs, &reports, is_of_run);
            if is_of_run {
                let _ = private::keep(log);
            }
        }
        let for_warden = !is_of_run && !reports.is_empty();
        sweep::sweep(files, &mut self.recorder.log, for_warden);
    }

    fn listeners(&mut self) -> impl Iterator<Item = &mut Listener> {
        let sharing = self.sharing.iter_mut();
        let users = sharing.flat_map(|sharing| &mut sharing.users);
        self.owner.iter_mut().chain(users)
    }

    fn tell(&mut self, news: &News) {
        self.listeners().for_each(|listener| listener.tell(news));
    }

    /// Reports the latest values now, so that they precede the next message.
    fn tell_latest(&mut self) {
        let latest = self.latest.clone();
        self.listeners()
            .for_each(|listener| listener.tell_latest(&latest));
    }

    fn flush(&mut self) {
        let latest = &self.latest;
        let mut lost = false;
        for user in self.sharing.iter_mut().flat_map(|it| &mut it.users) {
            user.is_lost = user.flush(latest).is_err();
            lost |= user.is_lost;
        }
        if lost {
            // `meet_users` processes the earlier messages of lost users, and then drops them.
            self.meet_users();
        }
        let latest = &self.latest;
        if self
            .owner
            .as_mut()
            .is_some_and(|owner| owner.flush(latest).is_err())
        {
            self.lose_owner();
        }
    }
}
