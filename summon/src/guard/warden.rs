//! The warden: a copy of the test executable that forks guards.
//!
//! A test process has threads, so it must not fork without exec. Its warden has one thread and
//! may: it is the same executable started again, which [`enter`] turns into the warden before
//! `main`, and before any test, could run.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rustix::net::RecvFlags;

use super::farewell::FAREWELL;
use super::killing::{self, Pace};
use super::mark::{GOT, HELLO, MARK, SORRY, magic, mark};
use super::message::News;
use super::state::Step;
use super::tree::{self, Reaped};
use super::{signals, title, watch, wire};
use crate::sys::ending::{self, Ending};
use crate::sys::family::{self, Ends, Orphans};
use crate::sys::peer::peer;
use crate::sys::{
    Signal, executable, exit, has_one_user, is_privileged, missing, sockets, user, wait,
};

ctor::declarative::ctor! {
    // Before other constructors, which might start threads.
    #[ctor(unsafe, priority = early)]
    fn enter() {
        // First of all: the caller of a program with privileges has set its variables and its
        // descriptors, and may not give it orders.
        if is_privileged() {
            return;
        }
        let is_marked = std::env::var_os(MARK).is_some_and(|found| found == OsStr::new(&mark()));
        if is_marked && is_meant() {
            // Neither `main` nor a destructor of the test program may run in this copy.
            let _ = catch_unwind(AssertUnwindSafe(serve));
            exit::now(1);
        }
    }
}

/// Whether descriptor 0 is a socket with the magic in it, from a process of this very user. A variable
/// that leaked into some other program's environment changes nothing there: the look takes no byte.
fn is_meant() -> bool {
    // SAFETY: a borrow for the length of this function, in a process that has one thread. If
    // descriptor 0 is closed, the system calls say so.
    let socket = unsafe { BorrowedFd::borrow_raw(0) };
    let magic = magic();
    let mut seen = vec![0; magic.len()];
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    let looked = rustix::net::recv(socket, &mut seen[..], flags);
    let has_magic = looked.is_ok_and(|(length, _)| length == seen.len()) && seen == magic;
    has_magic && has_one_user() && peer(socket).is_ok_and(|peer| peer.uid == user())
}

/// Takes the socket, and says there why it can't be the warden of whoever is at the other end.
fn serve() -> io::Result<()> {
    executable::close_from(3);
    let socket = own_socket()?;
    // A socket that is closed with something unread in it is reset, and what was said is lost.
    io::Read::read_exact(&mut &socket, &mut vec![0; magic().len()])?;
    let Err(why) = become_warden(&socket);
    wire::send(&socket, &[SORRY, why.to_string().as_bytes()].concat(), &[])
}

/// Serves to the end, or says which step to that failed.
fn become_warden(socket: &UnixStream) -> io::Result<Infallible> {
    // Guards would take the pids of others for those of their services.
    if let Some(missing) = missing() {
        return Err(io::Error::other(missing.what));
    }
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get() as u32);
    let maker = peer(socket).map_err(|error| failed("peer", &error))?.pid;
    // Either there is nobody to serve any more, or nobody who could be watched.
    let Some(parent) = parent.filter(|parent| *parent == maker) else {
        return Err(io::Error::other(
            "its parent is not the test process; is that in another pid namespace (`unshare --pid`), or \
             does a tool start programs in its place?",
        ));
    };
    let clean_up = crate::session::clean_after(parent);
    // While the parent is certainly this one.
    let owner = ending::of(parent).ok();
    // The warden is nobody's child: a test that waits for all its children must not wait for it.
    // SAFETY: this process has one thread.
    match unsafe { libc::fork() } {
        -1 => return Err(failed("fork", &io::Error::last_os_error())),
        0 => {}
        _ => exit::now(0),
    }
    // Only now: what watches a process need not survive a fork.
    let owner = owner.and_then(|sent| ending::watch(sent).ok());
    // Out of the test's session and process group, whose signals are not for us.
    rustix::process::setsid().map_err(|error| failed("setsid", &error.into()))?;
    signals::ignore();
    std::env::set_current_dir("/").map_err(|error| failed("chdir", &error))?;
    title::set("summon-warden");
    let children = signals::notice_children().map_err(|error| failed("pipe", &error))?;
    let child_ended = Ends::of_warden(children).map_err(|error| failed("kqueue", &error))?;
    // An emulator may know no such thing. Then less is promised, which is better than no test.
    let lacks = family::adopt_orphans().err();
    let lacks = lacks.map(|error| failed("PR_SET_CHILD_SUBREAPER", &error).to_string());
    let hello = [HELLO, lacks.unwrap_or_default().as_bytes()].concat();
    wire::send(socket, &hello, &[])?;
    let warden = Warden {
        child_ended,
        guards: Vec::new(),
        orphans: Orphans::new(),
        was_killed: true,
    };
    let was_killed = warden.serve(socket, owner.as_ref())?;
    if let Some(owner) = owner {
        // Its end of our socket may be closed before the lock on what is to be removed.
        let _ = owner.wait(Instant::now() + END_LIMIT);
    }
    clean_up(was_killed);
    exit::now(0);
}

fn failed(call: &str, error: &io::Error) -> io::Error {
    io::Error::other(format!("`{call}` failed: {error}"))
}

struct Warden {
    child_ended: Ends,
    guards: Vec<u32>,
    orphans: Orphans,
    /// The owner has not said farewell.
    was_killed: bool,
}

/// A process that closes its descriptors has ended soon.
const END_LIMIT: Duration = Duration::from_secs(10);

impl Warden {
    /// Forks guards as long as the owner is there, and then waits until they have cleaned up: ended
    /// children of ours leave no zombies, and those of process 1 may, since in many a container it
    /// reaps nobody. `ended` tells that the owner is dead: a child that it has forked may hold
    /// the other end of the socket for long after that. Says whether the owner was killed.
    fn serve(mut self, socket: &UnixStream, ended: Option<&Ending>) -> io::Result<bool> {
        let mut has_owner = true;
        let mut pace = Pace::new();
        loop {
            let reaped = self.reap();
            self.resume_guards();
            let orphans = self.kill_orphans();
            if reaped == Reaped::Childless && orphans.is_empty() && !has_owner {
                return Ok(self.was_killed);
            }
            let is_last = !has_owner && self.guards.is_empty();
            let has_orphans = !orphans.is_empty();
            pace.note(orphans);
            let again = has_orphans.then(|| pace.due());
            let survivors = pace.survivors(killing::PATIENCE);
            if is_last && killing::are_out_of_reach(&survivors) {
                return Ok(self.was_killed);
            }
            let mut fds = vec![self.child_ended.as_fd()];
            if has_owner {
                fds.push(socket.as_fd());
                fds.extend(ended.map(AsFd::as_fd));
            }
            wait::sleep(&fds, again)?;
            // Before its words: the guards that it has asked for would have nobody to serve.
            if has_owner && ended.is_some_and(Ending::has_come) {
                has_owner = false;
                // But it may have said farewell.
                while wait::is_readable(&socket) {
                    match wire::receive(socket) {
                        Ok(Some((body, _))) => self.was_killed &= body != FAREWELL,
                        _ => break,
                    }
                }
            }
            if has_owner && wait::is_readable(&socket) {
                match wire::receive(socket) {
                    Ok(Some((body, _))) if body == FAREWELL => self.was_killed = false,
                    Ok(Some((_, fds))) => {
                        fds.into_iter().for_each(|end| self.fork_guard(socket, end));
                    }
                    _ => has_owner = false,
                }
            }
        }
    }

    fn reap(&mut self) -> Reaped {
        self.child_ended.note();
        loop {
            match tree::reap(None) {
                Ok(Reaped::Child(pid, _)) if self.guards.contains(&pid) => {
                    self.guards.retain(|guard| *guard != pid);
                    self.orphans.guard_ended(pid);
                }
                Ok(Reaped::Child(..)) => {}
                Ok(other) => return other,
                Err(_) => return Reaped::Nobody,
            }
        }
    }

    /// Has guards go on that somebody has halted, of which the end of their owner finds no reader. It
    /// is told like the end of a child. One that runs ignores it.
    fn resume_guards(&self) {
        for guard in &self.guards {
            tree::signal_child(*guard, Signal::CONT);
        }
    }

    /// Kills everybody who has lost its guard, and says who they were.
    fn kill_orphans(&mut self) -> Vec<u32> {
        let orphans = self.orphans.find(&self.guards);
        for orphan in &orphans {
            // Those below it become ours as it ends, but might do harm until then.
            family::signal_below(orphan.pid, Signal::KILL);
            orphan.signal(Signal::KILL);
        }
        orphans.into_iter().map(|orphan| orphan.pid).collect()
    }

    fn fork_guard(&mut self, warden: &UnixStream, guard_end: OwnedFd) {
        let socket = UnixStream::from(guard_end);
        if !sockets::SAFE_IN_TRANSIT {
            // It does not reach an owner that has gone meanwhile.
            let _ = wire::send(&socket, GOT, &[]);
        }
        let me = rustix::process::getpid();
        // SAFETY: this process has one thread, so the child may do anything that a process may.
        match unsafe { libc::fork() } {
            -1 => {
                let errno = io::Error::last_os_error()
                    .raw_os_error()
                    .unwrap_or_default();
                let news = News::Refused {
                    step: Step::Fork,
                    errno,
                };
                let _ = wire::send(&socket, &news.encode(), &[]);
            }
            0 => {
                // A guard that held the warden's socket would keep a dead test's warden alive.
                // SAFETY: the child never touches it again: `run` does not return.
                let _ = unsafe { libc::close(warden.as_raw_fd()) };
                self.child_ended.close_copy();
                let _ = catch_unwind(AssertUnwindSafe(|| watch::run(socket, me)));
                exit::now(1);
            }
            guard => {
                self.guards.push(guard as u32);
                self.child_ended.started(guard as u32);
            }
        }
    }
}

/// Takes the socket from descriptor 0, and puts `/dev/null` there.
fn own_socket() -> io::Result<UnixStream> {
    // SAFETY: as in `is_meant`; the borrow ends before descriptor 0 changes its meaning.
    let stdin = unsafe { BorrowedFd::borrow_raw(0) };
    let socket = rustix::io::fcntl_dupfd_cloexec(stdin, 3)?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(UnixStream::from(socket))
}
