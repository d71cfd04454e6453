//! Commands that run to completion. Processes that a command starts outlive neither its run nor the
//! owner.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::captured::Captured;
use crate::guard::children::{self, Reaped};
use crate::guard::dispositions;
use crate::guard::killing::{self, Pace};
use crate::guard::program::Program;
use crate::guard::protocol::job::Job;
use crate::guard::protocol::message::{News, Order};
use crate::guard::protocol::wire;
use crate::guard::spawn::spawn;
use crate::guard::state::{Ran, Step};
use crate::sys::ending::{self, Ending};
use crate::sys::family::{self, ChildEnds};
use crate::sys::wait;

/// How long to wait for the owner to read the answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// Serves the owner's orders to run the command. Returns when the owner or its runner has ended, or
/// the owner sends garbage.
pub(super) fn serve(owner: &UnixStream, job: Job) -> io::Result<()> {
    rustix::process::setsid()?;
    let child_ended = ChildEnds::of_guard(dispositions::notice_children()?)?;
    // An owner that is halted, or a forked child that holds its socket, never reads. Without a
    // limit the guard would hang, and miss the end of the runner.
    owner.set_write_timeout(Some(ANSWER_LIMIT))?;
    let ends = job.endings.owner.into_iter().chain(job.endings.runner);
    let ends = ends.map(ending::watch).collect::<io::Result<Vec<_>>>()?;
    let watched = Owner {
        socket: Some(owner),
        ends: ends.iter().collect(),
    };
    loop {
        wait::sleep(&watched.fds().collect::<Vec<_>>(), None)?;
        // Before the order: a dead owner may have left one in the socket, and no process would read
        // the answer.
        if watched.has_ended() {
            return Ok(());
        }
        if !wait::is_readable(owner) {
            continue;
        }
        let Some((body, _)) = wire::receive(owner)? else {
            return Ok(());
        };
        let Order::Run { limit, apart } = Order::decode(&body)? else {
            return Err(wire::garbled());
        };
        // Counted from here, so a busy machine does not take the time before this from the command.
        let until = Instant::now() + limit;
        let run = Run {
            program: &job.program,
            until,
            patience: killing::PATIENCE,
            apart,
        };
        let news = match run.to_end(&child_ended, &watched)? {
            Err((step, error)) => News::Refused {
                step,
                errno: error.raw_os_error().unwrap_or(libc::EINVAL),
            },
            Ok(Some(ran)) => News::Ran(ran),
            Ok(None) => return Ok(()),
        };
        wire::send(owner, &news.encode(), &[])?;
        if !children::are_gone()? {
            // An unkillable process would count as part of the next run. So this guard ends, and
            // the owner hires another.
            return Ok(());
        }
    }
}

/// The owner of a helper command. Empty for commands of a service's guard.
#[derive(Default)]
pub(super) struct Owner<'a> {
    pub(super) socket: Option<&'a UnixStream>,
    pub(super) ends: Vec<&'a Ending>,
}

impl Owner<'_> {
    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let ends = self.ends.iter().map(|it| it.as_fd());
        ends.chain(self.socket.iter().map(AsFd::as_fd))
    }

    fn has_ended(&self) -> bool {
        self.ends.iter().any(|it| it.has_come())
    }

    /// Returns whether the owner has ended or given up. It sends nothing while a command runs.
    pub(super) fn is_gone(&self) -> bool {
        self.has_ended() || self.socket.is_some_and(wait::is_readable)
    }
}

/// A run of a command in a process without other children.
pub(super) struct Run<'a> {
    pub(super) program: &'a Program,
    /// When the command is killed.
    pub(super) until: Instant,
    /// How long to wait for killed processes.
    pub(super) patience: Duration,
    /// Whether standard error is kept apart from the output.
    pub(super) apart: bool,
}

impl Run<'_> {
    /// Runs the command, and kills its leftovers.
    ///
    /// Returns soon after `until` at the latest. Returns `None` if the owner or the runner ends first.
    /// The output names killed processes that do not end within `patience`.
    pub(super) fn to_end(
        &self,
        child_ended: &ChildEnds,
        owner: &Owner<'_>,
    ) -> io::Result<Result<Option<Ran>, (Step, io::Error)>> {
        let (output, write) = Captured::new()?;
        let errors = self.apart.then(Captured::new).transpose()?;
        let (errors, error_write) = errors.unzip();
        let pid = match spawn(
            self.program,
            [&write, error_write.as_ref().unwrap_or(&write)],
        ) {
            Ok(pid) => pid,
            Err(refused) => return Ok(Err(refused)),
        };
        child_ended.started(pid);
        // The guard's own copies would keep the end of file from `pump`.
        drop((write, error_write));
        let execution = Execution {
            pid,
            output,
            errors,
            child_ended,
        };
        execution.watch(self.until, self.patience, owner).map(Ok)
    }
}

struct Execution<'a> {
    pid: u32,
    output: Captured,
    errors: Option<Captured>,
    child_ended: &'a ChildEnds,
}

impl Execution<'_> {
    /// Waits for the command, then kills its descendants. `None` means that the owner has ended.
    fn watch(
        mut self,
        until: Instant,
        patience: Duration,
        owner: &Owner<'_>,
    ) -> io::Result<Option<Ran>> {
        let mut reaps = Reaps::default();
        let mut owner_ended = false;
        while reaps.status.is_none() && !owner_ended && Instant::now() < until {
            let mut fds: Vec<BorrowedFd<'_>> = owner.fds().collect();
            fds.push(self.child_ended.as_fd());
            fds.extend(self.output.fd());
            fds.extend(self.errors.as_ref().and_then(Captured::fd));
            wait::sleep(&fds, Some(until))?;
            owner_ended = owner.is_gone();
            self.pump();
            reaps = self.reap()?;
        }
        let status = reaps.status;
        // The output from just before the end. It is read before the kills below, so it has only
        // what the command and its descendants wrote on their own.
        self.pump();
        let mut pace = Pace::new();
        // ECHILD proves that no process is left: orphans of this run become children of this guard
        // before their parent's end is reported. Most commands end without descendants.
        while !reaps.is_childless {
            children::kill_all();
            reaps = self.reap()?;
            if reaps.is_childless {
                break;
            }
            pace.note(family::everybody());
            let survivors = pace.survivors(patience);
            if !survivors.is_empty() {
                let names = killing::names(&survivors).join(", ");
                let told = format!("summon can't end what it has started: {names}\n");
                self.output.tail.extend(told.as_bytes());
                break;
            }
            wait::sleep(&[self.child_ended.as_fd()], Some(pace.due()))?;
        }
        Ok((!owner_ended).then_some(Ran {
            status,
            output: self.output.tail,
            errors: self.errors.map(|errors| errors.tail).unwrap_or_default(),
        }))
    }

    fn pump(&mut self) {
        self.output.pump();
        self.errors.iter_mut().for_each(Captured::pump);
    }

    fn reap(&self) -> io::Result<Reaps> {
        // Drains the pipe before it reaps, so that an end after the last look writes a new byte.
        self.child_ended.note();
        let mut reaps = Reaps::default();
        loop {
            match children::reap(None)? {
                Reaped::Child(pid, status) if pid == self.pid => reaps.status = Some(status),
                Reaped::Child(..) => {}
                Reaped::Nobody => return Ok(reaps),
                Reaped::Childless => {
                    reaps.is_childless = true;
                    return Ok(reaps);
                }
            }
        }
    }
}

#[derive(Default)]
struct Reaps {
    status: Option<i32>,
    is_childless: bool,
}
