//! Starts programs for a guard.

use std::convert::Infallible;
use std::ffi::{CStr, OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::Mode;
use rustix::process::{Pid, WaitOptions};

use super::dispositions;
use super::path_search::Image;
use super::program::{Attributes, Program};
use super::state::Step;
use crate::small_map::SmallMap;
use crate::sys::{family, pipes, thread, walk};

/// The variable with the pid of the process that inherits the sockets.
const LISTEN_PID: &str = "LISTEN_PID";
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
    // `dup2` in `pass` would close a lower number, and the guard would take that for a successful
    // exec.
    let above = FIRST + program.sockets.len() as i32;
    let write = move_above(write, above).map_err(|error| (Step::Prepare, error))?;
    let child = Child::prepare(program, dir, output, above);
    let mut child = child.map_err(|error| (Step::Exec, error))?;
    let run = || {
        let (step, error) = child.execute();
        let errno = error.raw_os_error().unwrap_or(libc::EINVAL);
        let [a, b, c, d] = errno.to_ne_bytes();
        // Five bytes arrive whole: POSIX makes writes of up to PIPE_BUF bytes to a pipe atomic.
        let _ = rustix::io::write(&write, &[step as u8, a, b, c, d]);
    };
    // A change of the user would make memory that the two share unreadable for the owner
    // (`PR_SET_DUMPABLE(2const)`).
    let memory = match program.user {
        None => thread::ChildMemory::Shared,
        Some(_) => thread::ChildMemory::Copied,
    };
    // SAFETY: the guard has one thread, so the child is not limited to async-signal-safe functions
    // (`fork(2)`). It only borrows what the guard has.
    let pid = unsafe { thread::fork_to_exec(memory, run) }.map_err(|error| (Step::Fork, error))?;
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

/// Moves a descriptor to a number that is at least `least`.
fn move_above(fd: OwnedFd, least: i32) -> io::Result<OwnedFd> {
    match fd.as_raw_fd() < least {
        true => Ok(rustix::io::fcntl_dupfd_cloexec(fd, least)?),
        false => Ok(fd),
    }
}

/// The prepared parts of a child that becomes the program. All memory is allocated before the fork: a
/// child that shares the guard's memory would leave behind what it allocates.
struct Child<'a> {
    program: &'a Program,
    /// The working directory, for another user.
    dir: Option<OwnedFd>,
    image: Image,
    /// The standard input, if the program has no other.
    null: Option<OwnedFd>,
    output: [&'a OwnedFd; 2],
    /// Copies above the target numbers. If one socket had the target number of another, `dup2` in
    /// `pass` would close it before it is passed on.
    sockets: Vec<OwnedFd>,
    guard: Pid,
}

impl<'a> Child<'a> {
    fn prepare(
        program: &'a Program,
        dir: Option<OwnedFd>,
        output: [&'a OwnedFd; 2],
        above: i32,
    ) -> io::Result<Child<'a>> {
        let mut env: SmallMap<OsString, OsString> = program.env.iter().cloned().collect();
        env.remove(OsStr::new(LISTEN_PID));
        if !program.sockets.is_empty() {
            let count = program.sockets.len().to_string();
            env.insert("LISTEN_FDS".into(), count.into());
            let names: Vec<&str> = program.sockets.iter().map(|(name, _)| &**name).collect();
            env.insert("LISTEN_FDNAMES".into(), names.join(":").into());
        }
        for end in output {
            match program.user {
                // The program may open `/dev/stdout`, which checks the permissions of the pipe again.
                Some(user) => pipes::give(end, user.uid)?,
                // The program may drop root itself, and then open `/dev/stdout`.
                None if rustix::process::geteuid().is_root() => pipes::open_to_writers(end)?,
                None => {}
            }
        }
        let copy = |(_, socket): &(_, OwnedFd)| rustix::io::fcntl_dupfd_cloexec(socket, above);
        Ok(Child {
            program,
            dir,
            image: Image::new(&program.argv, &env)?,
            null: match program.stdin {
                Some(_) => None,
                None => Some(File::open("/dev/null")?.into()),
            },
            output,
            sockets: program.sockets.iter().map(copy).collect::<Result<_, _>>()?,
            // Read before the fork: the child compares it with `getppid`, to detect that the guard has
            // died.
            guard: rustix::process::getpid(),
        })
    }

    /// Becomes the program. Returns only on failure: the failed step, and the error.
    fn execute(&mut self) -> (Step, io::Error) {
        // As the guard's user, before the change of user: a lower `nice` needs a privilege that the
        // program's user may lack (`setpriority(2)`).
        if let Err(error) = set(&self.program.attributes) {
            return (Step::Attributes, error);
        }
        match self.become_program() {
            Ok(never) => match never {},
            Err(error) => (Step::Exec, error),
        }
    }

    fn become_program(&mut self) -> io::Result<Infallible> {
        // The warden keeps the numbers below FIRST in use, so these have higher ones.
        let stdin = self.program.stdin.as_ref().or(self.null.as_ref());
        let [stdout, stderr] = self.output;
        for (target, source) in (0..).zip([stdin, Some(stdout), Some(stderr)]) {
            pass(source.ok_or(io::ErrorKind::NotFound)?, target)?;
        }
        match &self.dir {
            // Entered before the change of user, and by descriptor: the path may have changed since
            // the check, and the user may lack the right to pass through it.
            Some(dir) => rustix::process::fchdir(dir)?,
            None => rustix::process::chdir(&self.program.dir)?,
        }
        // The guard signals the program and its children through this group. The child creates it
        // before exec, and `spawn` returns after exec, so no signal comes too early.
        rustix::process::setpgid(None, None)?;
        if let Some(user) = self.program.user {
            // Before `die_with_guard`: a change of the user clears the parent-death signal
            // (`PR_SET_PDEATHSIG(2const)`).
            user.become_it()?;
        }
        // The second line of defence, for the case that the guard is killed: the kernel then
        // kills this process. It sends nothing if the guard died before this call, so check the
        // parent after the call. In the other order, a death between check and call would go
        // unnoticed.
        if !self.program.outlives_guard {
            family::die_with_guard()?;
        }
        if rustix::process::getppid() != Some(self.guard) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        for (target, socket) in (FIRST..).zip(&self.sockets) {
            pass(socket, target)?;
        }
        // Ignored signals stay ignored across exec (`execve(2)`), and the guard ignores almost
        // all.
        dispositions::restore();
        // `execvp(3)` would run a file without a valid header as a shell script.
        let mut pid = [0; LISTEN_PID.len() + 12];
        let mut variable = None;
        if !self.sockets.is_empty() {
            write!(&mut pid[..], "{LISTEN_PID}={}\0", std::process::id())?;
            variable = CStr::from_bytes_until_nul(&pid).ok();
        }
        Err(self.image.execute(variable))
    }
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

/// Passes a descriptor to the program with this number. `dup2` clears close-on-exec, so it survives exec
/// (`dup(2)`).
fn pass(source: &OwnedFd, target: i32) -> io::Result<()> {
    // SAFETY: the descriptor that `dup2` closes is an inherited copy, which this child no longer uses:
    // the sources of the standard streams, the sockets, and the pipe have higher numbers.
    match unsafe { libc::dup2(source.as_raw_fd(), target) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
