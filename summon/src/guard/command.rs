//! Commands that run to their end. Nothing that a command starts outlives its run, nor the owner.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::job::Job;
use super::killing::{self, Pace};
use super::message::{News, Order};
use super::program::Program;
use super::spawn::spawn;
use super::state::{Ran, Step};
use super::tree::{self, Reaped};
use super::{signals, wire};
use crate::sys::ending::{self, Ending};
use crate::sys::family::{self, Ends};
use crate::sys::{pipes, wait};

/// So much of the end of what it writes is told.
const TAIL: usize = 16 * 1024;
/// An owner that does not read the answer within this time gets none.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// The guard's side. Returns when the owner or its runner has ended, or the owner speaks nonsense.
pub(super) fn serve(owner: &UnixStream, job: Job) -> io::Result<()> {
    rustix::process::setsid()?;
    let child_ended = Ends::of_guard(signals::notice_children()?)?;
    owner.set_write_timeout(Some(ANSWER_LIMIT))?;
    let ends = job.ends.owner.into_iter().chain(job.ends.runner);
    let ends = ends.map(ending::watch).collect::<io::Result<Vec<_>>>()?;
    let watched = Owner {
        socket: Some(owner),
        ends: &ends,
    };
    loop {
        wait::sleep(&watched.fds().collect::<Vec<_>>(), None)?;
        if watched.has_ended() {
            return Ok(());
        }
        if !wait::is_readable(owner) {
            continue;
        }
        let Some((body, _)) = wire::receive(owner)? else {
            return Ok(());
        };
        let Order::Run(limit) = Order::decode(&body)? else {
            return Err(wire::garbled());
        };
        let until = Instant::now() + limit;
        let news = match run(
            &job.program,
            until,
            killing::PATIENCE,
            &child_ended,
            &watched,
        )? {
            Err((step, error)) => News::Refused {
                step,
                errno: error.raw_os_error().unwrap_or(libc::EINVAL),
            },
            Ok(Some(ran)) => News::Ran(ran),
            Ok(None) => return Ok(()),
        };
        wire::send(owner, &news.encode(), &[])?;
        if !family::everybody().is_empty() {
            // Who can't be killed would be taken for a part of the next run.
            return Ok(());
        }
    }
}

/// For whom a command runs, if for anybody.
#[derive(Default)]
pub(super) struct Owner<'a> {
    socket: Option<&'a UnixStream>,
    ends: &'a [Ending],
}

impl Owner<'_> {
    fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let ends = self.ends.iter().map(AsFd::as_fd);
        ends.chain(self.socket.iter().map(AsFd::as_fd))
    }

    fn has_ended(&self) -> bool {
        self.ends.iter().any(Ending::has_come)
    }
}

/// Runs a command in a process that has no other children, until nothing of it is left: at the
/// latest soon after `until`, or when the owner or the runner has ended. Then there is nobody to
/// tell. Processes that do not end within `patience`, though they were killed, are named in
/// the output.
pub(super) fn run(
    program: &Program,
    until: Instant,
    patience: Duration,
    child_ended: &Ends,
    owner: &Owner<'_>,
) -> io::Result<Result<Option<Ran>, (Step, io::Error)>> {
    let (read, write) = pipes::pair()?;
    rustix::io::ioctl_fionbio(&read, true)?;
    let pid = match spawn(program, [&write; 2]) {
        Ok(pid) => pid,
        Err(refused) => return Ok(Err(refused)),
    };
    child_ended.started(pid);
    drop(write);
    let run = Run {
        pid,
        output: Some(File::from(read)),
        tail: Vec::new(),
        child_ended,
    };
    run.watch(until, patience, owner).map(Ok)
}

struct Run<'a> {
    pid: u32,
    output: Option<File>,
    tail: Vec<u8>,
    child_ended: &'a Ends,
}

impl Run<'_> {
    /// Returns when nothing of the run is left: `None` if the owner has ended meanwhile.
    fn watch(
        mut self,
        until: Instant,
        patience: Duration,
        owner: &Owner<'_>,
    ) -> io::Result<Option<Ran>> {
        let mut status = None;
        let mut owner_ended = false;
        while status.is_none() && !owner_ended && Instant::now() < until {
            let mut fds: Vec<BorrowedFd<'_>> = owner.fds().collect();
            fds.push(self.child_ended.as_fd());
            fds.extend(self.output.iter().map(AsFd::as_fd));
            wait::sleep(&fds, Some(until))?;
            // It says nothing during a run, so this is its end.
            owner_ended = owner.has_ended() || owner.socket.is_some_and(wait::is_readable);
            self.pump();
            status = self.reap()?.status;
        }
        // What it wrote just before its end.
        self.pump();
        let mut pace = Pace::new();
        loop {
            tree::kill_all();
            if self.reap()?.is_childless {
                break;
            }
            pace.note(family::everybody());
            let survivors = pace.survivors(patience);
            if !survivors.is_empty() {
                let names = killing::names(&survivors).join(", ");
                let told = format!("summon can't end what it has started: {names}\n");
                self.tail.extend(told.as_bytes());
                break;
            }
            wait::sleep(&[self.child_ended.as_fd()], Some(pace.due()))?;
        }
        let output = self.tail;
        Ok((!owner_ended).then_some(Ran { status, output }))
    }

    fn reap(&self) -> io::Result<Found> {
        self.child_ended.note();
        let mut found = Found::default();
        loop {
            match tree::reap(None)? {
                Reaped::Child(pid, status) if pid == self.pid => found.status = Some(status),
                Reaped::Child(..) => {}
                Reaped::Nobody => return Ok(found),
                Reaped::Childless => {
                    found.is_childless = true;
                    return Ok(found);
                }
            }
        }
    }

    /// As much as a pipe can hold, and no more.
    fn pump(&mut self) {
        let mut buffer = [0; 16 * 1024];
        for _ in 0..64 {
            let Some(output) = &mut self.output else {
                return;
            };
            match output.read(&mut buffer) {
                Ok(0) => self.output = None,
                Ok(read) => {
                    self.tail.extend(&buffer[..read]);
                    let over = self.tail.len().saturating_sub(TAIL);
                    self.tail.drain(..over);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.output = None,
            }
        }
    }
}

#[derive(Default)]
struct Found {
    status: Option<i32>,
    is_childless: bool,
}
