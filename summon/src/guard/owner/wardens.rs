//! The wardens of this process, and the guards that they fork.

use std::io;
use std::net::Shutdown;
use std::ops::Range;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::exit_message;
use super::start_warden::{COPY_LIMIT, start_warden};
use crate::guard::protocol::job::{self, Endings, Task};
use crate::guard::protocol::request;
use crate::guard::protocol::warden::{GOT, RETIRED};
use crate::guard::protocol::wire;
use crate::sys::maker::PerProcess;
use crate::sys::{ending, runner, sockets, surroundings, wait};

/// The wardens of a process, the last used one last.
///
/// A service inherits the user, limits, and namespaces of its warden. So a warden serves only
/// threads with the same surroundings. A thread that has changed one of these hires another warden.
#[derive(Default)]
struct Wardens {
    hired: Vec<(String, UnixStream)>,
    /// Sockets of former wardens. They get no more requests, but they get the exit message: their
    /// guards may still live. The next warden's socket replaces that of a warden that has ended, or the
    /// oldest one if there are too many. An exit hook may be about to send its message to that number, which must not belong to an
    /// unrelated file by then.
    retired: Vec<UnixStream>,
}

/// The maximum number of wardens. A warden that is dropped lives until its guards have ended.
const MOST: usize = 8;
/// The maximum number of former wardens that get the exit message.
const MOST_RETIRED: usize = exit_message::MOST - MOST;

static WARDENS: PerProcess<Mutex<Wardens>> = PerProcess::new();

/// Asks a warden to fork a guard, and returns the socket to the guard. Replaces a warden that has
/// died; the guards of a dead warden continue.
fn guard(request: &[u8], deadline: Instant) -> io::Result<UnixStream> {
    // A guard would watch the ended runner, and stop the new service at once.
    if let Some(why) = run_ended() {
        return Err(why);
    }
    // The lock is held for the whole request, so two threads can't hire two wardens for the same
    // surroundings.
    let mut wardens = lock();
    // The warden of the last start forks a guard while this thread reads its surroundings. If they call
    // for another warden, that guard finds its socket closed before its job, and ends.
    let last = wardens.hired.last().filter(|_| sockets::SAFE_IN_TRANSIT);
    let early = last.map(|(_, socket)| ask(socket, request));
    let here = surroundings::here();
    let found = wardens.hired.iter().position(|(others, _)| *others == here);
    if let Some(place) = found {
        let is_last = place + 1 == wardens.hired.len();
        let asked = early.filter(|_| is_last);
        match asked.unwrap_or_else(|| ask(&wardens.hired[place].1, request)) {
            // The warden has died, so another is hired below. After a time-out it still lives, and
            // must not get a rival. The caller may try again.
            Err(error) if error.kind() != io::ErrorKind::TimedOut => {}
            asked => {
                wardens.hired[place..].rotate_left(1);
                return asked;
            }
        }
    }
    ask(wardens.hire(here, deadline)?, request)
}

/// Hires a guard, and sends it its job.
pub(super) fn give_job(task: &Task<'_>, deadline: Instant) -> io::Result<UnixStream> {
    let socket = guard(&request::encode(task), deadline)?;
    // The pidfd is opened here, where the pid is certainly this process. A guard that opened it
    // later could get a stranger, if this process died first and its pid was reused.
    let owner = ending::of(std::process::id()).ok();
    // The guard of a container ends the container's relays. A shared one outlives this process.
    let is_relay = matches!(
        task,
        Task::Link {
            clients: Some(_),
            ..
        }
    );
    let owner = owner.filter(|_| !is_relay);
    let endings = Endings {
        owner: owner.as_ref().map(AsFd::as_fd),
        runner: runner::current().map(|runner| runner.ending.as_fd()),
    };
    let job = job::encode(&endings, task);
    match wire::send(&socket, &job.bytes, &job.fds) {
        // Without a guard the socket is closed. The caller finds that too, and its error says more.
        Err(error) if !is_closed(&error) => Err(error),
        _ => Ok(socket),
    }
}

fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected};
    [BrokenPipe, ConnectionReset, NotConnected].contains(&error.kind())
}

/// Returns an error that names the runner if it has ended.
fn run_ended() -> Option<io::Error> {
    let runner = runner::current()?;
    // `current` found the runner once, at its first call, and it may have ended since. The
    // descriptor identifies that process, even if its pid was reused.
    let ended = runner.ending.try_clone().and_then(ending::watch).ok()?;
    let error = || io::Error::other(format!("{}, which ran this test, has ended", runner.name()));
    ended.has_come().then(error)
}

/// Returns whether the runner of this process has ended.
pub(crate) fn run_has_ended() -> bool {
    run_ended().is_some()
}

/// Explains why a guard closed its socket before it answered.
pub(super) fn why_gone() -> io::Error {
    run_ended().unwrap_or_else(|| io::ErrorKind::ConnectionAborted.into())
}

/// Hires a warden in advance if this process has none. Errors wait for the first start.
pub(crate) fn prepare() {
    let mut wardens = lock();
    // Any warden removes the files of this process.
    if wardens.hired.is_empty() {
        let _ = wardens.hire(surroundings::here(), Instant::now() + COPY_LIMIT);
    }
}

/// Retires all wardens after a request found one dead.
pub(super) fn dismiss() {
    let mut wardens = lock();
    let all = wardens.hired.len();
    wardens.retire(0..all);
}

impl Wardens {
    fn hire(&mut self, here: String, deadline: Instant) -> io::Result<&UnixStream> {
        // First the new warden, then the retirement of the old one: if the start fails, this
        // process keeps the wardens that it has.
        let mut socket = start_warden(deadline)?;
        if let Some(dead) = self.hired.iter().position(|(others, _)| *others == here) {
            self.retire(dead..dead + 1);
        }
        self.retire(0..(self.hired.len() + 1).saturating_sub(MOST));
        // A warden that has ended gets no exit message. The end of its socket is readable, since a
        // retired warden sends nothing.
        let ended = self.retired.iter().position(wait::is_readable);
        let oldest = (self.retired.len() > MOST_RETIRED).then_some(0);
        if let Some(place) = ended.or(oldest) {
            let place = self.retired.remove(place);
            // `shutdown` affects the connection, so the warden reads an end of file even if a
            // forked child holds a copy of the socket. Closing one copy would not do that.
            let _ = place.shutdown(Shutdown::Both);
            // `dup3` replaces a file atomically. A concurrent exit hook sends its message either
            // to the retired socket or to the new warden, and never to a stranger's file.
            socket = sockets::put(socket, place)?;
        }
        // After `put`, since the exit message goes to the descriptor's final number.
        exit_message::announce_to(&socket);
        self.hired.push((here, socket));
        Ok(&self.hired[self.hired.len() - 1].1)
    }

    fn retire(&mut self, range: Range<usize>) {
        for (_, socket) in self.hired.drain(range) {
            // Sent instead of a shutdown: guards of this warden may live, and their logs depend on
            // the exit message. Fails for a dead warden, which is fine.
            let _ = wire::send(&socket, RETIRED, &[]);
            self.retired.push(socket);
        }
    }
}

fn lock() -> MutexGuard<'static, Wardens> {
    // A panic under the lock leaves a complete value: each change is one call on a vector.
    let wardens = WARDENS.here().lock();
    wardens.unwrap_or_else(PoisonError::into_inner)
}

fn ask(warden: &UnixStream, request: &[u8]) -> io::Result<UnixStream> {
    let (ours, theirs) = sockets::pair()?;
    wire::send(warden, request, &[theirs.as_fd()])?;
    if sockets::SAFE_IN_TRANSIT {
        // `theirs` closes here. On Linux a message keeps the descriptors in it open (SCM_RIGHTS in
        // `unix(7)`). If the warden dies before it reads this message, the kernel closes them, and
        // `ours` reads an end of file.
        return Ok(ours);
    }
    // macOS may break a socket in transit that no process holds, so our copy stays open until the
    // warden has received it. Until then `ours` can't report the warden's death. The warden's own
    // socket can, and is silent otherwise.
    let limit = Some(Instant::now() + COPY_LIMIT);
    wait::sleep(&[ours.as_fd(), warden.as_fd()], limit)?;
    if wait::is_readable(&ours) {
        return match wire::receive(&ours)? {
            Some((body, _)) if body == GOT => Ok(ours),
            _ => Err(wire::garbled()),
        };
    }
    Err(match wait::is_readable(warden) {
        true => io::ErrorKind::ConnectionAborted.into(),
        false => io::Error::new(io::ErrorKind::TimedOut, "summon's warden does not answer"),
    })
}
