//! The owner's way to a new guard: through the one warden of this process.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::warden::{GOT, HELLO, MAGIC, MARK};
use super::wire;
use crate::sys::{executable, sockets, wait};

/// The copy has so long to become the warden, and the warden to take a request. A program that takes
/// longer before its constructors run is not waited for.
const COPY_LIMIT: Duration = Duration::from_secs(20);

/// The warden of this process, once there is one.
static WARDEN: Mutex<Option<UnixStream>> = Mutex::new(None);

/// Has the warden fork a guard, and returns the socket to it. A warden that has died is
/// replaced; its guards live on.
pub(super) fn guard(deadline: Instant) -> io::Result<UnixStream> {
    let mut warden = lock();
    if let Some(socket) = &*warden {
        match ask(socket) {
            // It lives, so there must not be another one, and whoever asks may try again.
            Err(error) if error.kind() != io::ErrorKind::TimedOut => {}
            asked => return asked,
        }
    }
    let socket = warden.insert(start_warden(deadline)?);
    ask(socket)
}

/// Sees that this process has a warden, if it can.
pub(crate) fn prepare() {
    let mut warden = lock();
    if warden.is_none() {
        *warden = start_warden(Instant::now() + COPY_LIMIT).ok();
    }
}

/// Forgets a warden that was found dead after it was asked.
pub(super) fn dismiss() {
    *lock() = None;
}

fn lock() -> MutexGuard<'static, Option<UnixStream>> {
    // A thread that panicked while it held the lock left a whole value behind.
    WARDEN.lock().unwrap_or_else(PoisonError::into_inner)
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
    let (mut ours, theirs) = sockets::pair()?;
    io::Write::write_all(&mut ours, MAGIC)?;
    let left = deadline.saturating_duration_since(Instant::now());
    ours.set_read_timeout(Some(left.clamp(Duration::from_millis(1), COPY_LIMIT)))?;
    // Should the constructor not run there, `--help` makes a test harness end at once; what
    // follows makes room for the title.
    let mut copy = Command::new(executable::path()?)
        .arg0("summon-warden")
        .arg("--help")
        .arg("-".repeat(64))
        .env(MARK, "1")
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
    // The copy closed its end, or says hello.
    let hello = match wire::receive(&ours) {
        Ok(Some((body, _))) if body == HELLO => Ok(()),
        Ok(_) => Err(io::Error::other(format!(
            "this executable, started again, did not become summon's warden: \
             is a constructor (`{}`) stripped, or does the program run under another loader?",
            executable::CONSTRUCTORS,
        ))),
        Err(error) => Err(error),
    };
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
