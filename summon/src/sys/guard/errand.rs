//! Commands that run to their end: a guard that has no service, and runs one command whenever it is
//! told to. Nothing of the command outlives its run, nor the owner.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::job::{Errands, Job};
use super::message::{News, Order, Ran, Step};
use super::spawn::{Program, spawn};
use super::terms::{Errand, ErrandFailed};
use super::tree::{self, Reaped};
use super::{hire, signals, wire};
use crate::sys::family::Ends;
use crate::sys::{ending, pipes, wait};

/// So much of the end of what it writes is told.
const TAIL: usize = 16 * 1024;
/// Descendants that were forked while others were killed are looked for this often.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// The owner's side: somebody who runs a command whenever it is asked for.
#[derive(Debug)]
pub(crate) struct Runner(UnixStream);

impl Runner {
    pub(crate) fn hire(command: &Errand, deadline: Instant) -> io::Result<Runner> {
        let socket = hire::guard(deadline)?;
        let ending = super::own_ending();
        let job = Job::Errands(Errands {
            name: command.name.clone(),
            argv: command.argv.clone(),
            env: command.env.clone(),
            dir: command.dir.clone(),
            user: command.user,
            has_ending: ending.is_some(),
        });
        let fds: Vec<BorrowedFd<'_>> = ending.iter().map(AsFd::as_fd).collect();
        wire::send(&socket, &job.encode(), &fds)?;
        Ok(Runner(socket))
    }

    /// Runs the command, and kills it at the limit. `sleep` waits until the descriptor can be
    /// read, and says whether to go on waiting.
    pub(crate) fn run(
        &self,
        limit: Duration,
        sleep: impl FnOnce(BorrowedFd<'_>) -> io::Result<bool>,
    ) -> Result<Ran, ErrandFailed> {
        wire::send(&self.0, &Order::Run(limit).encode(), &[]).map_err(ErrandFailed::Broken)?;
        match sleep(self.0.as_fd()) {
            Ok(true) => {}
            Ok(false) => return Err(ErrandFailed::GivenUp),
            Err(error) => return Err(ErrandFailed::Broken(error)),
        }
        let news = wire::receive(&self.0)
            .and_then(|news| news.ok_or_else(|| io::ErrorKind::ConnectionAborted.into()))
            .and_then(|(body, _)| News::decode(&body))
            .map_err(ErrandFailed::Broken)?;
        match news {
            News::Ran(ran) => Ok(ran),
            News::Refused { step, errno } => {
                let error = io::Error::from_raw_os_error(errno);
                Err(ErrandFailed::Refused(step, error))
            }
            _ => Err(ErrandFailed::Broken(wire::garbled())),
        }
    }
}

/// The guard's side. Returns when the owner has ended, or speaks nonsense.
pub(super) fn serve(owner: &UnixStream, errands: &Errands, fds: Vec<OwnedFd>) -> io::Result<()> {
    rustix::process::setsid()?;
    let child_ended = Ends::of_guard(signals::notice_children()?)?;
    let owner_ended = fds.into_iter().next().map(ending::watch).transpose()?;
    let owner_fds = || owner_ended.iter().map(AsFd::as_fd).chain([owner.as_fd()]);
    loop {
        wait::sleep(&owner_fds().collect::<Vec<_>>(), None)?;
        if owner_ended.as_ref().is_some_and(wait::is_readable) {
            return Ok(());
        }
        let Some((body, _)) = wire::receive(owner)? else {
            return Ok(());
        };
        let Order::Run(limit) = Order::decode(&body)? else {
            return Err(wire::garbled());
        };
        let program = Program {
            argv: &errands.argv,
            env: &errands.env,
            dir: &errands.dir,
            stdin: None,
            umask: None,
            user: errands.user,
            sockets: &[],
            names: &[],
        };
        let until = Instant::now() + limit;
        let news = match run(&program, until, &child_ended, owner_fds)? {
            Err((step, error)) => News::Refused {
                step,
                errno: error.raw_os_error().unwrap_or(libc::EINVAL),
            },
            Ok(Some(ran)) => News::Ran(ran),
            Ok(None) => return Ok(()),
        };
        wire::send(owner, &news.encode(), &[])?;
    }
}

/// Runs a command in a process that has no other children, until nothing of it is left: at the
/// latest soon after `until`, or when one of the owner's descriptors can be read. Then there is
/// nobody to tell.
pub(super) fn run<'a, O: Iterator<Item = BorrowedFd<'a>>>(
    program: &Program<'_>,
    until: Instant,
    child_ended: &Ends,
    owner: impl Fn() -> O,
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
    run.watch(until, owner).map(Ok)
}

struct Run<'a> {
    pid: u32,
    output: Option<File>,
    tail: Vec<u8>,
    child_ended: &'a Ends,
}

impl Run<'_> {
    /// Returns when nothing of the run is left: `None` if the owner has ended meanwhile.
    fn watch<'a, O: Iterator<Item = BorrowedFd<'a>>>(
        mut self,
        until: Instant,
        owner: impl Fn() -> O,
    ) -> io::Result<Option<Ran>> {
        let mut status = None;
        let mut owner_ended = false;
        while status.is_none() && !owner_ended && Instant::now() < until {
            let mut fds: Vec<BorrowedFd<'_>> = owner().collect();
            fds.push(self.child_ended.as_fd());
            fds.extend(self.output.iter().map(AsFd::as_fd));
            wait::sleep(&fds, Some(until))?;
            // It says nothing during a run, so this is its end.
            owner_ended = owner().any(|fd| wait::is_readable(&fd));
            self.pump();
            status = self.reap()?.status;
        }
        // What it wrote just before its end.
        self.pump();
        loop {
            tree::kill_all();
            if self.reap()?.is_childless {
                break;
            }
            wait::sleep(
                &[self.child_ended.as_fd()],
                Some(Instant::now() + LOOK_AGAIN),
            )?;
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
