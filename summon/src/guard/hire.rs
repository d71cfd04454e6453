//! Hires guards through the warden of this process.

use std::io;
use std::net::Shutdown;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use super::job::Ends;
use super::mark::{GOT, HELLO, MARK, RETIRED, SORRY, magic, mark};
use super::{farewell, wire};
use crate::progress;
use crate::sys::maker::PerProcess;
use crate::sys::runner;
use crate::sys::{ending, executable, proc, sockets, surroundings, wait};

/// The time for a copy to become the warden, and for the warden to take a request. A program with
/// slower constructors is not supported.
const COPY_LIMIT: Duration = Duration::from_secs(20);

/// The wardens of a process, newest last.
///
/// A service inherits the user, limits, and namespaces of its warden. So a warden serves only
/// threads with the same surroundings. A thread that has changed one of these hires another warden.
#[derive(Default)]
struct Wardens {
    hired: Vec<(String, UnixStream)>,
    /// Sockets of former wardens. They get no more requests, but they hear the farewell: their
    /// guards may still live. The next warden's socket replaces that of a warden that has ended, or the
    /// oldest one if there are too many. An exit hook may be about to send a farewell to its number, which must not belong to an
    /// unrelated file by then.
    retired: Vec<UnixStream>,
}

/// The maximum number of wardens. A warden that is dropped lives until its guards have ended.
const MOST: usize = 8;
/// The maximum number of former wardens that hear the farewell.
const MOST_RETIRED: usize = farewell::MOST - MOST;

static WARDENS: PerProcess<Mutex<Wardens>> = PerProcess::new();

/// Asks a warden to fork a guard, and returns the socket to the guard. Replaces a warden that has
/// died; the guards of a dead warden continue.
pub(super) fn guard(deadline: Instant) -> io::Result<UnixStream> {
    // A guard would watch the ended runner, and stop the new service at once.
    if let Some(why) = run_ended() {
        return Err(why);
    }
    // The lock is held for the whole request, so two threads can't hire two wardens for the same
    // surroundings.
    let mut wardens = lock();
    let here = surroundings::here();
    if let Some(socket) = wardens.of(&here) {
        match ask(socket) {
            // The warden has died, so another is hired below. After a time-out it still lives, and
            // must not get a rival. The caller may try again.
            Err(error) if error.kind() != io::ErrorKind::TimedOut => {}
            asked => return asked,
        }
    }
    ask(wardens.hire(here, deadline)?)
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

/// Explains why a guard closed its socket before it answered.
pub(super) fn why_gone() -> io::Error {
    run_ended().unwrap_or_else(|| io::ErrorKind::ConnectionAborted.into())
}

/// Returns a descriptor that reports the end of this process, if the system has one.
pub(super) fn own_ending() -> Option<OwnedFd> {
    ending::of(std::process::id()).ok()
}

/// Returns the ends that a guard of this process watches.
pub(super) fn ends(owner: Option<&OwnedFd>) -> Ends<BorrowedFd<'_>> {
    Ends {
        owner: owner.map(AsFd::as_fd),
        runner: runner::current().map(|runner| runner.ending.as_fd()),
    }
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
    fn of(&self, surroundings: &str) -> Option<&UnixStream> {
        let mut hired = self.hired.iter();
        let found = hired.find(|(others, _)| others == surroundings)?;
        Some(&found.1)
    }

    fn hire(&mut self, here: String, deadline: Instant) -> io::Result<&UnixStream> {
        // First the new warden, then the retirement of the old one: if the start fails, this
        // process keeps the wardens that it has.
        let mut socket = start_warden(deadline)?;
        if let Some(dead) = self.hired.iter().position(|(others, _)| *others == here) {
            self.retire(dead..dead + 1);
        }
        self.retire(0..(self.hired.len() + 1).saturating_sub(MOST));
        // A warden that has ended hears no farewell. The end of its socket is readable, since a
        // retired warden sends nothing.
        let ended = self.retired.iter().position(wait::is_readable);
        let oldest = (self.retired.len() > MOST_RETIRED).then_some(0);
        if let Some(place) = ended.or(oldest) {
            let place = self.retired.remove(place);
            // `shutdown` affects the connection, so the warden reads an end of file even if a
            // forked child holds a copy of the socket. Closing one copy would not do that.
            let _ = place.shutdown(Shutdown::Both);
            // `dup3` replaces a file atomically. A concurrent exit hook sends its farewell either
            // to the retired socket or to the new warden, and never to a stranger's file.
            socket = sockets::put(socket, place)?;
        }
        // After `put`, since the farewell goes to the descriptor's final number.
        farewell::say_to(&socket);
        self.hired.push((here, socket));
        Ok(&self.hired[self.hired.len() - 1].1)
    }

    fn retire(&mut self, range: Range<usize>) {
        for (_, socket) in self.hired.drain(range) {
            // Sent instead of a shutdown: guards of this warden may live, and their logs depend on
            // the farewell. Fails for a dead warden, which is fine.
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

fn ask(warden: &UnixStream) -> io::Result<UnixStream> {
    let (ours, theirs) = sockets::pair()?;
    wire::send(warden, b"guard", &[theirs.as_fd()])?;
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

fn start_warden(deadline: Instant) -> io::Result<UnixStream> {
    if std::env::var_os(MARK).is_some() {
        // A copy with a missing constructor runs the tests. Without this check it would start
        // another copy, and so on without end.
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
    // Before the start: the copy looks for the magic without waiting.
    io::Write::write_all(&mut ours, &magic())?;
    // Bounded twice. A start with a long time-out must not wait for a copy that hangs, and a copy
    // must not outwait a short one.
    let left = deadline.saturating_duration_since(Instant::now());
    // At least 1 ms, since zero is an error for `set_read_timeout`.
    ours.set_read_timeout(Some(left.clamp(Duration::from_millis(1), COPY_LIMIT)))?;
    // If the constructor does not run there, `--help` makes a test harness print its options and
    // end. The second argument makes room for the title.
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
    // Right after the spawn, so the pid is still the copy's: the kernel hands out pids in order.
    let identity = proc::identity(copy.id());
    // `command` holds a copy of the other end. While it is open, `ours` would not report that the
    // copy has ended.
    drop(command);
    let hello = hear_hello(&ours);
    reap(&mut copy, identity, hello.is_ok());
    hello?;
    // On macOS this fails if the other end has closed. The first request then finds the warden
    // dead.
    let _ = ours.set_read_timeout(None);
    Ok(ours)
}

/// Reaps the copy. A copy that did not answer is no warden, and may be a test program that runs on, so
/// this kills it first.
fn reap(copy: &mut Child, identity: Option<u64>, has_answered: bool) {
    // A test that reaps all its children (`waitpid(-1)`) may have reaped the copy, whose pid may by now
    // be another process. A signal would kill a stranger, and a wait could take the status of a child
    // that the test waits for. No identity means a zombie or no process, to which both are harmless.
    let found = proc::identity(copy.id());
    if found.is_some() && found != identity {
        return;
    }
    if !has_answered {
        let _ = copy.kill();
    }
    // After its hello, the copy has forked the warden and ended, so this does not block. If the test
    // has reaped it, this fails (ECHILD).
    let _ = copy.wait();
}

/// Receives the answer of the copy: hello, a reason why it can't be the warden, or nothing if it is
/// another program.
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
        // The error of the socket's time-out (`SO_RCVTIMEO` in `socket(7)`). The callers take it for
        // the refusal of a process, which has the same number.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(io::ErrorKind::TimedOut.into())
        }
        // A program that ends without reading leaves the magic in its socket, which resets the
        // connection.
        Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Err(error),
        Ok(None) | Err(_) => Err(refused(&format!(
            "is a constructor (`{}`) stripped, or does the program run under another loader?",
            executable::CONSTRUCTORS,
        ))),
    }
}

/// Reports, once, that this system limits the promise.
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
        // The other end closes with the magic unread, so the connection is reset.
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
    fn a_copy_without_an_answer_is_killed_but_not_a_stranger_with_its_pid() {
        let mut child = Command::new("sleep").arg("100").spawn().unwrap();
        let identity = proc::identity(child.id());
        // The identity of a copy that had this pid earlier.
        reap(&mut child, identity.map(|number| number - 1), false);
        let is_spared = child.try_wait().unwrap().is_none();
        reap(&mut child, identity, false);
        assert!(is_spared);
        assert_eq!(proc::identity(child.id()), None);
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
