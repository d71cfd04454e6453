//! Starts this executable again, as a warden.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use crate::guard::protocol::warden::{HELLO, MARK, SORRY, magic, mark};
use crate::guard::protocol::wire;
use crate::guard::title::Title;
use crate::progress;
use crate::sys::{executable, proc, sockets};

/// The time for a copy to become the warden, and for the warden to take a request. A program with
/// slower constructors is not supported.
pub(super) const COPY_LIMIT: Duration = Duration::from_secs(20);

pub(super) fn start_warden(deadline: Instant) -> io::Result<UnixStream> {
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
        .arg0(Title::Warden.to_string())
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
            "a process whose parent ends first may outlive the tests, since guards can't become its parent here: {why}"
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
