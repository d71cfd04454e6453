//! The owner's way to a new guard: through the one warden of this process.

use std::io;
use std::net::Shutdown;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use super::job::Ends;
use super::mark::{GOT, HELLO, MARK, SORRY, magic, mark};
use super::{farewell, wire};
use crate::progress;
use crate::sys::maker::PerProcess;
use crate::sys::runner;
use crate::sys::{ending, executable, sockets, surroundings, wait};

/// The copy has so long to become the warden, and the warden to take a request. A program that takes
/// longer before its constructors run is not waited for.
const COPY_LIMIT: Duration = Duration::from_secs(20);

/// The wardens of a process, the last one last.
///
/// A service inherits what its warden has inherited: the user, the limits, the namespaces. So each
/// warden serves those threads alone that would hand down the same, and whoever has changed any of it
/// since hires another.
#[derive(Default)]
struct Wardens {
    hired: Vec<(String, UnixStream)>,
    /// Shut down, and kept open: a farewell that is on its way must not find another file of the same
    /// number. The next warden's socket takes such a number, so there are never more than before.
    retired: Vec<UnixStream>,
}

/// So many surroundings are served at a time. A warden that is not kept lives as long as its guards.
const MOST: usize = 8;

static WARDENS: PerProcess<Mutex<Wardens>> = PerProcess::new();

/// Has a warden fork a guard, and returns the socket to it. A warden that has died is replaced; its
/// guards live on.
pub(super) fn guard(deadline: Instant) -> io::Result<UnixStream> {
    // Its guard would only end it again.
    if let Some(why) = run_ended() {
        return Err(why);
    }
    let mut wardens = lock();
    let here = surroundings::here();
    if let Some(socket) = wardens.of(&here) {
        match ask(socket) {
            // It lives, so there must not be another one, and whoever asks may try again.
            Err(error) if error.kind() != io::ErrorKind::TimedOut => {}
            asked => return asked,
        }
    }
    ask(wardens.hire(here, deadline)?)
}

/// An error that says so if the runner has ended.
fn run_ended() -> Option<io::Error> {
    let runner = runner::current()?;
    let ended = runner.ending.try_clone().and_then(ending::watch).ok()?;
    let error = || io::Error::other(format!("{}, which ran this test, has ended", runner.name()));
    ended.has_come().then(error)
}

/// Why a guard has closed its socket before it has answered.
pub(super) fn why_gone() -> io::Error {
    run_ended().unwrap_or_else(|| io::ErrorKind::ConnectionAborted.into())
}

/// What a guard watches to know that this process has ended, if the system has such.
pub(super) fn own_ending() -> Option<OwnedFd> {
    ending::of(std::process::id()).ok()
}

/// What a guard of this process watches.
pub(super) fn ends(owner: Option<&OwnedFd>) -> Ends<BorrowedFd<'_>> {
    Ends {
        owner: owner.map(AsFd::as_fd),
        runner: runner::current().map(|runner| runner.ending.as_fd()),
    }
}

/// Sees that this process has a warden, if it can.
pub(crate) fn prepare() {
    let mut wardens = lock();
    // Any of them removes the files of this process.
    if wardens.hired.is_empty() {
        let _ = wardens.hire(surroundings::here(), Instant::now() + COPY_LIMIT);
    }
}

/// Forgets wardens of which one was found dead after it was asked.
pub(super) fn dismiss() {
    let mut wardens = lock();
    let all = wardens.hired.len();
    wardens.retire(0..all);
}

impl Wardens {
    fn of(&self, surroundings: &str) -> Option<&UnixStream> {
        let mut hired = self.hired.iter();
        let found = hired.find(|(others, _)| others == surroundings)?;
        Some(&found.1)
    }

    fn hire(&mut self, here: String, deadline: Instant) -> io::Result<&UnixStream> {
        let mut socket = start_warden(deadline)?;
        if let Some(dead) = self.hired.iter().position(|(others, _)| *others == here) {
            self.retire(dead..dead + 1);
        }
        self.retire(0..(self.hired.len() + 1).saturating_sub(MOST));
        if let Some(place) = self.retired.pop() {
            socket = sockets::put(socket, place)?;
        }
        farewell::say_to(&socket);
        self.hired.push((here, socket));
        Ok(&self.hired[self.hired.len() - 1].1)
    }

    fn retire(&mut self, range: Range<usize>) {
        for (_, socket) in self.hired.drain(range) {
            let _ = socket.shutdown(Shutdown::Both);
            self.retired.push(socket);
        }
    }
}

fn lock() -> MutexGuard<'static, Wardens> {
    // A thread that panicked while it held the lock left a whole value behind.
    let wardens = WARDENS.here().lock();
    wardens.unwrap_or_else(PoisonError::into_inner)
}

fn ask(warden: &UnixStream) -> io::Result<UnixStream> {
    let (ours, theirs) = sockets::pair()?;
    wire::send(warden, b"guard", &[theirs.as_fd()])?;
    if sockets::SAFE_IN_TRANSIT {
        return Ok(ours);
    }
    // Our copy of theirs is closed only when it has arrived. As long as we hold it, ours does not tell
    // of a warden that has died, but the warden's own does, which is silent otherwise.
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

fn start_warden(deadline: Instant) -> io::Result<UnixStream> {
    if std::env::var_os(MARK).is_some() {
        // Were this a copy whose constructor did not run, it would start copies without end.
        return Err(io::Error::other(format!(
            "the environment variable {MARK} is set, which marks summon's own helper processes; unset it"
        )));
    }
    let mut failed = None;
    for way in executable::again()? {
        match start_copy(way, deadline) {
            Ok(socket) => return Ok(socket),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or_else(|| io::ErrorKind::NotFound.into()))
}

fn start_copy(mut command: Command, deadline: Instant) -> io::Result<UnixStream> {
    let (mut ours, theirs) = sockets::pair()?;
    io::Write::write_all(&mut ours, &magic())?;
    let left = deadline.saturating_duration_since(Instant::now());
    ours.set_read_timeout(Some(left.clamp(Duration::from_millis(1), COPY_LIMIT)))?;
    // Should the constructor not run there, `--help` makes a test harness end at once; what
    // follows makes room for the title.
    let mut copy = command
        .arg0("summon-warden")
        .arg("--help")
        .arg("-".repeat(64))
        .env(MARK, mark())
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| {
            let why = executable::why_not(&error).map_or_else(
                || format!("this executable can't be started again: {error}"),
                str::to_owned,
            );
            io::Error::new(error.kind(), why)
        })?;
    // It holds the copy's end of the socket, whose closing tells that the copy has ended.
    drop(command);
    let hello = hear_hello(&ours);
    if hello.is_err() {
        let _ = copy.kill();
    }
    // It forked the warden and ended; a test that reaps all its children may have been faster.
    let _ = copy.wait();
    hello?;
    // Refused where the other end has closed already, which the first request finds.
    let _ = ours.set_read_timeout(None);
    Ok(ours)
}

/// What the copy says: hello, why it can't be the warden, or nothing, if it is none of ours.
fn hear_hello(socket: &UnixStream) -> io::Result<()> {
    let refused = |why: &str| {
        io::Error::other(format!(
            "this executable, started again, did not become summon's warden: {why}"
        ))
    };
    match wire::receive(socket) {
        Ok(Some((body, _))) => match (body.strip_prefix(HELLO), body.strip_prefix(SORRY)) {
            (Some([]), _) => Ok(()),
            (Some(lacks), _) => {
                promise_less(&String::from_utf8_lossy(lacks));
                Ok(())
            }
            (_, Some(why)) => Err(refused(&String::from_utf8_lossy(why))),
            _ => Err(wire::garbled()),
        },
        // One that ends without a look at its socket resets the connection.
        Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Err(error),
        Ok(None) | Err(_) => Err(refused(&format!(
            "is a constructor (`{}`) stripped, or does the program run under another loader?",
            executable::CONSTRUCTORS,
        ))),
    }
}

/// Says, once, what can't be promised here.
fn promise_less(why: &str) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        progress::say(&format!(
            "descendants that daemonise may outlive the tests, since guards can't become their parents here: {why}"
        ));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(act: impl FnOnce(UnixStream)) -> String {
        let (mut ours, theirs) = sockets::pair().unwrap();
        io::Write::write_all(&mut ours, &magic()).unwrap();
        act(theirs);
        hear_hello(&ours).map_or_else(|error| error.to_string(), |()| "hello".to_owned())
    }

    #[test]
    fn a_copy_that_is_none_of_ours_is_told_from_a_warden() {
        // It has not read what waits in its socket, so the connection is reset.
        let ended = heard(drop);
        assert!(
            ended.contains("did not become summon's warden: is a constructor"),
            "{ended}"
        );
        assert_eq!(
            heard(|socket| wire::send(&socket, HELLO, &[]).unwrap()),
            "hello"
        );
    }

    #[test]
    fn a_copy_says_why_it_can_not_be_the_warden() {
        let sorry = heard(|socket| {
            io::Read::read_exact(&mut &socket, &mut vec![0; magic().len()]).unwrap();
            wire::send(&socket, &[SORRY, b"no pid"].concat(), &[]).unwrap();
        });
        assert!(
            sorry.ends_with("did not become summon's warden: no pid"),
            "{sorry}"
        );
    }
}
