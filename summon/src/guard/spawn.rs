//! How a guard starts a program.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::fs::Mode;
use rustix::process::{Pid, WaitOptions};

use super::exec::Image;
use super::program::{Attributes, Program};
use super::signals;
use super::state::Step;
use crate::sys::{exit, family, pipes, walk};

/// The first descriptor that is passed on (`SD_LISTEN_FDS_START` in `sd_listen_fds(3)`).
const FIRST: i32 = 3;

/// Starts the program in a process group of its own, its two streams in `output`. Returns when it
/// has been exec'ed.
///
/// This is a fork of our own, and no spawn of the library's: a program is told its own pid
/// (`LISTEN_PID`), which only the child knows.
pub(super) fn spawn(program: &Program, output: [&OwnedFd; 2]) -> Result<u32, (Step, io::Error)> {
    // exec says ENOENT for a missing directory and for a missing program alike, so ask first.
    let dir = match program.user {
        None => enterable(&program.dir).map(|()| None),
        // Root enters it, since the user may not be able to.
        Some(user) => walk::directory(&program.dir, user).map(Some),
    };
    let dir = dir.map_err(|error| (Step::WorkingDirectory, error))?;
    let (read, write) = pipes::pair().map_err(|error| (Step::Prepare, error))?;
    let guard = rustix::process::getpid();
    // SAFETY: the guard has one thread, so the child may call what it likes.
    let pid = match unsafe { libc::fork() } {
        -1 => return Err((Step::Fork, io::Error::last_os_error())),
        0 => {
            let (write, (step, error)) = execute(program, dir, output, write, guard);
            let errno = error.raw_os_error().unwrap_or(libc::EINVAL);
            let [a, b, c, d] = errno.to_ne_bytes();
            let _ = File::from(write).write_all(&[step as u8, a, b, c, d]);
            exit::now(127);
        }
        pid => pid,
    };
    // Closed by exec, or at the end of a child that has written what is wrong.
    drop(write);
    let mut refused = [0; 5];
    match File::from(read).read_exact(&mut refused) {
        // A child that was killed before its exec has written nothing either, and is reaped like
        // any program that was killed.
        Err(_) => Ok(pid as u32),
        Ok(()) => {
            let _ = rustix::process::waitpid(Pid::from_raw(pid), WaitOptions::empty());
            let [step, errno @ ..] = refused;
            let error = io::Error::from_raw_os_error(i32::from_ne_bytes(errno));
            Err((Step::of_number(step.into()), error))
        }
    }
}

fn enterable(dir: &Path) -> io::Result<()> {
    if !std::fs::metadata(dir)?.is_dir() {
        return Err(rustix::io::Errno::NOTDIR.into());
    }
    Ok(rustix::fs::access(dir, rustix::fs::Access::EXEC_OK)?)
}

/// Becomes the program. Returns which step failed and why, and where to write that.
fn execute(
    program: &Program,
    dir: Option<OwnedFd>,
    output: [&OwnedFd; 2],
    write: OwnedFd,
    guard: Pid,
) -> (OwnedFd, (Step, io::Error)) {
    // Out of the way of the sockets, which go to the lowest numbers.
    let above = FIRST + program.sockets.len() as i32;
    let write = rustix::io::fcntl_dupfd_cloexec(&write, above).unwrap_or(write);
    // As the guard's user, who may do more than the program's.
    if let Err(error) = set(&program.attributes) {
        return (write, (Step::Attributes, error));
    }
    let error = match prepare(program, dir, output, guard, above) {
        Ok(mut command) => command.exec(),
        Err(error) => error,
    };
    (write, (Step::Exec, error))
}

fn set(attributes: &Attributes) -> io::Result<()> {
    if let Some(umask) = attributes.umask {
        rustix::process::umask(Mode::from_raw_mode(umask as _));
    }
    if let Some(nice) = attributes.nice {
        rustix::process::setpriority_process(None, nice)?;
    }
    Ok(())
}

fn prepare(
    program: &Program,
    dir: Option<OwnedFd>,
    output: [&OwnedFd; 2],
    guard: Pid,
    above: i32,
) -> io::Result<Command> {
    let name = program.argv.first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut env: BTreeMap<OsString, OsString> = program.env.iter().cloned().collect();
    if !program.sockets.is_empty() {
        let count = program.sockets.len().to_string();
        env.insert("LISTEN_FDS".into(), count.into());
        env.insert("LISTEN_PID".into(), std::process::id().to_string().into());
        let names: Vec<&str> = program.sockets.iter().map(|(name, _)| &**name).collect();
        env.insert("LISTEN_FDNAMES".into(), names.join(":").into());
    }
    let image = Image::new(&program.argv, &env)?;
    let sockets = program
        .sockets
        .iter()
        .map(|(_, socket)| rustix::io::fcntl_dupfd_cloexec(socket, above))
        .collect::<Result<Vec<_>, _>>()?;
    let mut command = Command::new(name);
    if dir.is_none() {
        command.current_dir(&program.dir);
    }
    command
        .stdin(match &program.stdin {
            Some(stdin) => stdin.try_clone()?,
            None => File::open("/dev/null")?.into(),
        })
        .stdout(output[0].try_clone()?)
        .stderr(output[1].try_clone()?)
        .process_group(0);
    let user = program.user;
    if let Some(user) = user {
        // `/dev/stdout` is opened anew by some.
        for end in output {
            pipes::give(end, user.uid)?;
        }
    } else if rustix::process::geteuid().is_root() {
        // It may become another user by itself.
        for end in output {
            pipes::open_to_writers(end)?;
        }
    }
    // SAFETY: the closure runs in this process, which has one thread.
    unsafe {
        command.pre_exec(move || {
            if let Some(dir) = &dir {
                rustix::process::fchdir(dir)?;
            }
            if let Some(user) = user {
                // Before what follows, which a change of the user takes back.
                user.become_it()?;
            }
            // The second belt, for a guard that is itself killed. The look after it is for a guard
            // that died before that was asked for.
            family::die_with_guard()?;
            if rustix::process::getppid() != Some(guard) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            pass(&sockets)?;
            // What the guard ignores, its child must not: ignored signals survive exec.
            signals::restore();
            // The library's own exec would have a shell run what is no program.
            Err(image.execute())
        });
    }
    Ok(command)
}

/// Gives the sockets their numbers, and lets exec leave them open.
fn pass(sockets: &[OwnedFd]) -> io::Result<()> {
    for (target, socket) in (FIRST..).zip(sockets) {
        // SAFETY: whatever has that number is an inherited copy that this child does not use: what
        // it does use has been moved above.
        if unsafe { libc::dup2(socket.as_raw_fd(), target) } == -1 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
