//! The warden: a copy of the test executable that forks guards.
//!
//! A test process has threads, so it must not fork without exec: locks that other threads hold stay
//! locked in the child (`fork(2)`). The warden has one thread and may fork. It is the test
//! executable started again. [`enter`] turns that copy into the warden before `main`, and before
//! any test, can run.

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
use super::mark::{GOT, HELLO, MARK, RETIRED, SORRY, magic, mark};
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
    // Runs before other constructors, which might start threads: a fork is safe only in a process
    // with one thread.
    #[ctor(unsafe, priority = early)]
    fn enter() {
        // This check comes first. The caller of a set-user-ID program chooses its variables and its
        // descriptors. It could otherwise start a warden that acts with the program's privileges.
        if is_privileged() {
            return;
        }
        let is_marked = std::env::var_os(MARK).is_some_and(|found| found == OsStr::new(&mark()));
        if is_marked && is_meant() {
            // `main` and the destructors of the test program must not run in this copy: it would
            // run the tests a second time. `exit::now` is `_exit(2)`, which calls no exit hook. A
            // panic must not unwind into the C code that calls constructors.
            let _ = catch_unwind(AssertUnwindSafe(serve));
            exit::now(1);
        }
    }
}

/// Checks that descriptor 0 is a socket from a process of the same user, with the magic in it.
///
/// The variable may leak into the environment of another program. That program then runs as usual,
/// since this check consumes no byte.
fn is_meant() -> bool {
    // SAFETY: the borrow ends with this function, and no other thread exists that could close
    // descriptor 0 meanwhile. If it is closed already, `recv` fails with EBADF.
    let socket = unsafe { BorrowedFd::borrow_raw(0) };
    let magic = magic();
    let mut seen = vec![0; magic.len()];
    // `start_copy` writes the magic before it starts the copy, so DONTWAIT can't miss it. Without
    // DONTWAIT, another program with a silent socket as its standard input would hang here.
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    let looked = rustix::net::recv(socket, &mut seen[..], flags);
    let has_magic = looked.is_ok_and(|(length, _)| length == seen.len()) && seen == magic;
    // The kernel records the user at `socketpair` (SO_PEERCRED, `unix(7)`), so the peer can't forge
    // it. A socket from another user must not make this process that user's warden.
    has_magic && has_one_user() && peer(socket).is_ok_and(|peer| peer.uid == user())
}

/// Takes over the socket, and becomes the warden. If that fails, sends the reason to the test
/// process.
fn serve() -> io::Result<()> {
    // The test process may have descriptors without close-on-exec, for example the write end of a
    // pipe. A copy here would delay the reader's end of file until the warden ends.
    executable::close_from(3);
    let socket = own_socket()?;
    // Closing a socket with unread bytes in it resets the connection. The test process could then
    // see ECONNRESET in place of the message below, so the magic is read first.
    io::Read::read_exact(&mut &socket, &mut vec![0; magic().len()])?;
    let Err(why) = become_warden(&socket);
    wire::send(&socket, &[SORRY, why.to_string().as_bytes()].concat(), &[])
}

/// Serves until the end. Returns only if a step fails, and names that step.
fn become_warden(socket: &UnixStream) -> io::Result<Infallible> {
    // For example, a `/proc` of another pid namespace shows foreign pids. Guards would take a
    // stranger's pid for one of their services.
    if let Some(missing) = missing() {
        return Err(io::Error::other(missing.what));
    }
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get() as u32);
    let maker = peer(socket).map_err(|error| failed("peer", &error))?.pid;
    // The parent must be the process that made the socket. They differ in two cases. If the test
    // process has died, this copy has a new parent, and no owner to serve. If a tool started the
    // copy, or another pid namespace lies between, the warden would watch the wrong process.
    let Some(parent) = parent.filter(|parent| *parent == maker) else {
        return Err(io::Error::other(
            "its parent is not the test process; is that in another pid namespace (`unshare --pid`), or \
             does a tool start programs in its place?",
        ));
    };
    let clean_up = crate::session::clean_after(parent);
    // The pid was confirmed just now, and this copy is still a child of the test process. After the
    // fork below, `getppid` no longer returns that pid, so nothing could confirm it again.
    let owner = ending::of(parent).ok();
    // The warden must not be a child of the test process: a test that waits for all its children
    // (`waitpid(-1)`) would also wait for the warden. So a second fork makes the warden, and this
    // copy exits. `start_copy` reaps it.
    // SAFETY: this process has one thread, so the child holds no lock of another thread.
    match unsafe { libc::fork() } {
        -1 => return Err(failed("fork", &io::Error::last_os_error())),
        0 => {}
        _ => exit::now(0),
    }
    // Only after the fork: on macOS this opens a kqueue, and a forked child does not inherit
    // kqueues (`kqueue(2)`).
    let owner = owner.and_then(|sent| ending::watch(sent).ok());
    // Leaves the test's session and process group. Ctrl-C in the terminal, or a kill of the test's
    // group, must not reach the process that cleans up after both.
    rustix::process::setsid().map_err(|error| failed("setsid", &error.into()))?;
    // `setsid` does not protect against signals to a pid or to a name (`pkill`). The dispositions
    // are set before the handler for SIGCHLD, which would otherwise be overwritten.
    signals::ignore();
    // A working directory keeps its file system busy (`umount(2)`, EBUSY), and the test may unmount
    // it.
    std::env::set_current_dir("/").map_err(|error| failed("chdir", &error))?;
    title::set("summon-warden");
    // SIGCHLD is caught before the first guard exists, so the end of a guard can't be missed.
    let children = signals::notice_children().map_err(|error| failed("pipe", &error))?;
    let child_ended = Ends::of_warden(children).map_err(|error| failed("kqueue", &error))?;
    // Some emulators lack this call. Then the warden promises less, and the hello says so. Tests
    // still run.
    let lacks = family::adopt_orphans().err();
    let lacks = lacks.map(|error| failed("PR_SET_CHILD_SUBREAPER", &error).to_string());
    // Only now, since every step above may fail. After the hello, the test process sends requests
    // and does not expect a refusal any more.
    let hello = [HELLO, lacks.unwrap_or_default().as_bytes()].concat();
    wire::send(socket, &hello, &[])?;
    let warden = Warden {
        child_ended,
        guards: Vec::new(),
        orphans: Orphans::new(),
        was_killed: true,
    };
    let Some(was_killed) = warden.serve(socket, owner.as_ref())? else {
        exit::now(0);
    };
    if let Some(owner) = owner {
        // A dying process closes its descriptors one after another. Its end of this socket may
        // close before its lock on the session directory, and `clean_up` leaves locked directories
        // alone.
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
    /// Whether the owner ended without a farewell.
    was_killed: bool,
}

/// How long to wait for the owner's end after its socket has closed. A dying process closes its
/// descriptors shortly before it ends.
const END_LIMIT: Duration = Duration::from_secs(10);

impl Warden {
    /// Forks guards while the owner lives, then waits until they have cleaned up. Returns whether
    /// the owner was killed. Returns `None` for a retired warden with a living owner: another
    /// warden cleans up.
    ///
    /// `ended` reports the owner's death. The socket alone is not enough: a forked child of the
    /// owner may hold its other end for much longer.
    fn serve(mut self, socket: &UnixStream, ended: Option<&Ending>) -> io::Result<Option<bool>> {
        let (mut has_owner, mut is_retired) = (true, false);
        let mut pace = Pace::new();
        loop {
            // Reap before the search for orphans: the search excludes the descendants of live
            // guards. A guard that ends between the two steps writes another byte to the pipe, so
            // the next round finds its orphans.
            let reaped = self.reap();
            self.resume_guards();
            let orphans = self.kill_orphans();
            // The warden outlives all its guards and reaps them. If it ended first, process 1 would
            // inherit them, and in many containers process 1 reaps nothing: they would stay
            // zombies.
            if reaped == Reaped::Childless && orphans.is_empty() && (!has_owner || is_retired) {
                return Ok((!has_owner).then_some(self.was_killed));
            }
            let is_last = !has_owner && self.guards.is_empty();
            let has_orphans = !orphans.is_empty();
            pace.note(orphans);
            // No signal announces a new orphan: the kernel reparents silently. While orphans are
            // dying, their children may arrive at any moment, so the warden polls for them.
            let again = has_orphans.then(|| pace.due());
            let survivors = pace.survivors(killing::PATIENCE);
            // An orphan that became another user can't be signalled. It must not keep the warden,
            // and with it the files of the session, for ever.
            if is_last && killing::are_out_of_reach(&survivors) {
                return Ok(Some(self.was_killed));
            }
            let mut fds = vec![self.child_ended.as_fd()];
            if has_owner {
                fds.push(socket.as_fd());
                fds.extend(ended.map(AsFd::as_fd));
            }
            wait::sleep(&fds, again)?;
            // The owner's death comes before its requests: a guard that it asked for would have no
            // owner.
            if has_owner && ended.is_some_and(Ending::has_come) {
                has_owner = false;
                // A dead owner may have sent its farewell. The socket still holds those bytes, so
                // read them all. The descriptors of its requests close unused.
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
                    // A retired warden ends after its last guard. Until then it still listens,
                    // because the owner may end first, and then the farewell decides about the
                    // logs.
                    Ok(Some((body, _))) if body == RETIRED => is_retired = true,
                    Ok(Some((_, fds))) => {
                        fds.into_iter().for_each(|end| self.fork_guard(socket, end));
                    }
                    // End of file, or a socket error: the owner has closed its end, or has died.
                    _ => has_owner = false,
                }
            }
        }
    }

    fn reap(&mut self) -> Reaped {
        // Empties the pipe before it reaps. A guard that ends after the last look writes a new
        // byte. In the other order, that byte could be drained with the old ones, and the zombie
        // would stay unnoticed.
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

    /// Resumes guards that were halted (SIGSTOP). A halted guard does not notice that its owner has
    /// ended.
    fn resume_guards(&self) {
        // The kernel also sends SIGCHLD when a child stops (`sigaction(2)`: no SA_NOCLDSTOP here),
        // so this loop runs right after the halt. A guard that runs ignores SIGCONT. Each pid is
        // safe to signal: only this process reaps guards, and it removes a reaped one from the
        // list.
        for guard in &self.guards {
            tree::signal_child(*guard, Signal::CONT);
        }
    }

    /// Kills every process that has lost its guard, and returns their pids.
    fn kill_orphans(&mut self) -> Vec<u32> {
        let orphans = self.orphans.find(&self.guards);
        for orphan in &orphans {
            // The descendants first: they become children of the warden only when the orphan ends,
            // and could do harm until then. If a descendant forks during this round, the next round
            // finds the new process.
            family::signal_below(orphan.pid, Signal::KILL);
            orphan.signal(Signal::KILL);
        }
        orphans.into_iter().map(|orphan| orphan.pid).collect()
    }

    fn fork_guard(&mut self, warden: &UnixStream, guard_end: OwnedFd) {
        let socket = UnixStream::from(guard_end);
        if !sockets::SAFE_IN_TRANSIT {
            // Sending fails if the owner has died meanwhile. The new guard then finds its socket
            // closed, and ends.
            let _ = wire::send(&socket, GOT, &[]);
        }
        // Read before the fork. In the child, `getppid` would return another pid if the warden had
        // died by then, and the guard would later resume a stranger.
        let me = rustix::process::getpid();
        // SAFETY: this process has one thread, so the child is not limited to async-signal-safe
        // functions (`fork(2)`).
        match unsafe { libc::fork() } {
            -1 => {
                // For example EAGAIN, at the limit of processes. The owner waits on this socket, so
                // it learns the reason here.
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
                // A guard with a copy of the warden's end would hide the warden's death. The
                // owner's next request would wait in a socket that no process reads.
                // SAFETY: the child never uses this descriptor again, nor closes it twice: it
                // leaves through `exit::now`, which runs no destructor.
                let _ = unsafe { libc::close(warden.as_raw_fd()) };
                // The read end of the warden's pipe. `notice_children` in the guard replaces the
                // write end.
                self.child_ended.close_copy();
                let _ = catch_unwind(AssertUnwindSafe(|| watch::run(socket, me)));
                exit::now(1);
            }
            guard => {
                // A guard that has ended already is a zombie until the next `reap`, so its pid is
                // still its own.
                self.guards.push(guard as u32);
                self.child_ended.started(guard as u32);
            }
        }
    }
}

/// Moves the socket away from descriptor 0, and puts `/dev/null` there.
fn own_socket() -> io::Result<UnixStream> {
    // SAFETY: no other thread can close descriptor 0, and the borrow ends before `dup2_stdin`
    // replaces it.
    let stdin = unsafe { BorrowedFd::borrow_raw(0) };
    // Close-on-exec, since the services that guards start must not inherit the warden's socket.
    let socket = rustix::io::fcntl_dupfd_cloexec(stdin, 3)?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(UnixStream::from(socket))
}
