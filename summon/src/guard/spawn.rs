//! Starts programs for a guard.

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

use super::dispositions;
use super::path_search::Image;
use super::program::{Attributes, Program};
use super::state::Step;
use crate::sys::{exit, family, pipes, walk};

/// The first passed descriptor (SD_LISTEN_FDS_START in `sd_listen_fds(3)`).
const FIRST: i32 = 3;

/// Starts the program in a new process group, with `output` as its standard output and standard
/// error. Returns after exec.
///
/// This forks directly instead of calling `Command::spawn`: a program with sockets gets its own pid
/// in `LISTEN_PID`, and only the child knows it before exec.
pub(super) fn spawn(program: &Program, output: [&OwnedFd; 2]) -> Result<u32, (Step, io::Error)> {
    // exec returns ENOENT for a missing directory and for a missing program, so check the directory
    // first.
    let dir = match program.user {
        None => enterable(&program.dir).map(|()| None),
        // Root opens it, since the other user may lack the right to pass through the parents.
        Some(user) => walk::directory(&program.dir, user).map(Some),
    };
    let dir = dir.map_err(|error| (Step::WorkingDirectory, error))?;
    // The child reports a failed step through this pipe. A successful exec closes the write end
    // (close-on-exec), so the guard reads an end of file.
    let (read, write) = pipes::pair().map_err(|error| (Step::Prepare, error))?;
    // Read before the fork: the child compares it with `getppid`, to detect that the guard has
    // died.
    let guard = rustix::process::getpid();
    // SAFETY: the guard has one thread, so the child is not limited to async-signal-safe functions
    // (`fork(2)`).
    let pid = match unsafe { libc::fork() } {
        -1 => return Err((Step::Fork, io::Error::last_os_error())),
        0 => {
            let (write, (step, error)) = execute(program, dir, output, write, guard);
            let errno = error.raw_os_error().unwrap_or(libc::EINVAL);
            let [a, b, c, d] = errno.to_ne_bytes();
            // Five bytes arrive whole: POSIX makes writes of up to PIPE_BUF bytes to a pipe atomic.
            let _ = File::from(write).write_all(&[step as u8, a, b, c, d]);
            exit::now(127);
        }
        pid => pid,
    };
    // The guard's own copy would keep the pipe open, and the read below would never end. The
    // child's copy closes at exec, or when the child exits after a failed step.
    drop(write);
    let mut refused = [0; 5];
    match File::from(read).read_exact(&mut refused) {
        // End of file: exec succeeded, or the child was killed before exec. A killed child also
        // sends nothing, and is reaped later like any killed program.
        Err(_) => Ok(pid as u32),
        Ok(()) => {
            // The child exits right after its report, so this does not block for long. Unreaped,
            // the zombie would count as a process of the service.
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

/// Becomes the program. Returns only on failure: the failed step, the error, and the pipe for the
/// report.
fn execute(
    program: &Program,
    dir: Option<OwnedFd>,
    output: [&OwnedFd; 2],
    write: OwnedFd,
    guard: Pid,
) -> (OwnedFd, (Step, io::Error)) {
    // The sockets take the lowest numbers from FIRST on, so the report's pipe moves above them.
    // Otherwise `dup2` in `pass` would close it, and the guard would take that for a successful
    // exec.
    let above = FIRST + program.sockets.len() as i32;
    let write = rustix::io::fcntl_dupfd_cloexec(&write, above).unwrap_or(write);
    // As the guard's user, before the change of user: a lower `nice` needs a privilege that the
    // program's user may lack (`setpriority(2)`).
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
    let Attributes { umask, nice } = attributes;
    if let Some(umask) = umask {
        rustix::process::umask(Mode::from_raw_mode(*umask as _));
    }
    if let Some(nice) = nice {
        rustix::process::setpriority_process(None, *nice)?;
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
        // Copies above the target numbers. If one socket had the target number of another, `dup2`
        // in `pass` would close it before it is passed on.
        .map(|(_, socket)| rustix::io::fcntl_dupfd_cloexec(socket, above))
        .collect::<Result<Vec<_>, _>>()?;
    let mut command = Command::new(name);
    // With another user, the closure below enters the directory by descriptor. By path, a link that
    // was placed since the check could lead root elsewhere.
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
        // The guard signals the program and its children through this group. The child creates it
        // before exec, and `spawn` returns after exec, so no signal comes too early.
        .process_group(0);
    let user = program.user;
    if let Some(user) = user {
        // The program may open `/dev/stdout`, which checks the permissions of the pipe again.
        for end in output {
            pipes::give(end, user.uid)?;
        }
    } else if rustix::process::geteuid().is_root() {
        // The program may drop root itself, and then open `/dev/stdout`.
        for end in output {
            pipes::open_to_writers(end)?;
        }
    }
    // SAFETY: a `pre_exec` closure runs between fork and exec. This process has one thread, so the
    // closure may allocate and lock.
    unsafe {
        command.pre_exec(move || {
            // Entered before the change of user, and by descriptor: the path may have changed since
            // the check, and the user may lack the right to pass through it.
            if let Some(dir) = &dir {
                rustix::process::fchdir(dir)?;
            }
            if let Some(user) = user {
                // Before `die_with_guard`: a change of the user clears the parent-death signal
                // (`PR_SET_PDEATHSIG(2const)`).
                user.become_it()?;
            }
            // The second line of defence, for the case that the guard is killed: the kernel then
            // kills this process. It sends nothing if the guard died before this call, so check the
            // parent after the call. In the other order, a death between check and call would go
            // unnoticed.
            family::die_with_guard()?;
            if rustix::process::getppid() != Some(guard) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            pass(&sockets)?;
            // Ignored signals stay ignored across exec (`execve(2)`), and the guard ignores almost
            // all.
            dispositions::restore();
            // The standard library's exec is `execvp(3)`, which runs a file without a valid header
            // as a shell script.
            Err(image.execute())
        });
    }
    Ok(command)
}

/// Moves the sockets to their numbers. `dup2` clears close-on-exec, so they survive exec
/// (`dup(2)`).
fn pass(sockets: &[OwnedFd]) -> io::Result<()> {
    for (target, socket) in (FIRST..).zip(sockets) {
        // SAFETY: the descriptor that `dup2` closes is an inherited copy. This child no longer uses
        // them: the pipe and the sockets were moved above.
        if unsafe { libc::dup2(socket.as_raw_fd(), target) } == -1 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
