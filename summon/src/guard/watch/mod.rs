//! A guard: the parent of one service. It ensures that the service does not outlive its owner.
//!
//! The guard moves the service's output into the log, reports events to its owner, and obeys the
//! owner's orders. When the owner ends for any reason, the guard stops the service and all its
//! descendants, as far as the system shows them ([`family`](crate::sys::family)).

mod allowed;
mod captured;
mod client;
mod command;
mod container;
mod databases;
mod endings;
mod events;
mod killed_test;
pub(super) mod launch;
mod notify;
mod orders;
mod recorder;
pub(super) mod remover;
mod service;
mod sharing;
mod sweep;
mod users;

use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use self::client::{Client, Latest};
use self::killed_test::LostClient;
use self::notify::Notify;
use self::recorder::Recorder;
use self::service::{Change, Progress, Service};
use self::sharing::Sharing;
use super::databases::Databases;
use super::killing;
use super::program::Program;
use super::protocol::message::News;
use super::state::{Allowed, Told};
use super::terms::Terms;
use crate::sys::ending::Ending;
use crate::sys::family;
use crate::sys::ports::Signed;
use crate::sys::proc;

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
    owner: Option<Client>,
    /// Reports the owner's end, even if a forked child of the owner still holds the socket.
    owner_ended: Option<Ending>,
    /// Reports the runner's end. `None` after that, or without a runner.
    runner: Option<Ending>,
    /// When to stop the service, once the runner has ended.
    run_ends: Option<Instant>,
    /// When to stop the service of a test that is held.
    held_until: Option<Instant>,
    sharing: Option<Sharing>,
    /// The databases of the service. `None` until a test wants one.
    databases: Option<Databases>,
    /// The present allowances of clients, by their sockets.
    allowed: Vec<(RawFd, Allowed)>,
    child_ended: family::ChildEnds,
    recorder: Recorder,
    notify: Option<Notify>,
    latest: Latest,
    service: Service,
    /// When the guard noticed the end of the program.
    ended: Option<Instant>,
    /// What the engine has said about the container.
    told: Told,
    /// The owners and users that were lost while they used the service.
    lost: Vec<LostClient>,
    program: Program,
    /// The terms. Descriptors in them, such as locks, close when this process ends.
    terms: Terms,
    leases: Vec<Signed>,
}

impl Guard {
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
            let handlers = self.sleep().unwrap_or_else(|_| {
                // Without `poll` the guard can't notice any event. It keeps its main promise: it
                // kills the service.
                self.service.kill();
                Vec::new()
            });
            for handle in handlers {
                handle(&mut self);
            }
            self.yield_port();
            self.reap();
            match self.service.advance() {
                Progress::None => {}
                Progress::Killed => self.tell(&News::Killed),
                Progress::Survived(left) => {
                    self.tell(&News::Survived(killing::names(&left)));
                    survivors = left;
                }
            }
            if self.service.is_to_be_removed() {
                self.remove_container();
                // The commands of the engine have taken the notes of other children's ends.
                self.reap();
            }
            self.end_with_run();
            self.end_hold();
            self.go_on_with_databases();
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
        client::part(self.owner.into_iter().chain(users).collect());
    }

    /// Reaps ended processes, and reports the end of the program.
    fn reap(&mut self) {
        match self.service.reap() {
            Change::Ended => {
                if self.terms.container.is_some() && self.service.needs_report() {
                    self.inspect_container();
                    // As in `watch`. Nothing else than this end is left to tell.
                    let _ = self.service.reap();
                }
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

    /// Notes that a child may have ended. `watch` reaps in each round.
    fn note_child(&mut self) {
        // Drains the pipe before the `reap` of this round. A child that ends after that `reap`
        // writes a new byte, and the next `poll` returns at once.
        self.child_ended.note();
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

    fn clients(&mut self) -> impl Iterator<Item = &mut Client> {
        let sharing = self.sharing.iter_mut();
        let users = sharing.flat_map(|sharing| &mut sharing.users);
        self.owner.iter_mut().chain(users)
    }

    fn tell(&mut self, news: &News) {
        self.clients().for_each(|client| client.tell(news));
    }

    /// Reports the latest values now, so that they precede the next message.
    fn tell_latest(&mut self) {
        let latest = self.latest.clone();
        self.clients()
            .for_each(|client| client.tell_latest(&latest));
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
