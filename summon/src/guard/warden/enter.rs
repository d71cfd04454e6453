//! Turns a copy of the test executable into the warden, before `main`.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use rustix::net::RecvFlags;

use super::serve::{END_LIMIT, Warden};
use crate::guard::dispositions;
use crate::guard::protocol::warden::{HELLO, MARK, SORRY, magic, mark};
use crate::guard::protocol::wire;
use crate::guard::title::Title;
use crate::sys::ending;
use crate::sys::family::{self, ChildEnds};
use crate::sys::peer::peer;
use crate::sys::{executable, exit, has_one_user, is_privileged, unmet, user};

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
    if let Some(missing) = unmet() {
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
    let end_hold = crate::session::end_hold_after(parent);
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
    dispositions::ignore();
    // A working directory keeps its file system busy (`umount(2)`, EBUSY), and the test may unmount
    // it.
    std::env::set_current_dir("/").map_err(|error| failed("chdir", &error))?;
    Title::Warden.set();
    // SIGCHLD is caught before the first guard exists, so the end of a guard can't be missed.
    let children = dispositions::notice_children().map_err(|error| failed("pipe", &error))?;
    let child_ended = ChildEnds::of_warden(children).map_err(|error| failed("kqueue", &error))?;
    // Some emulators lack this call. Then the warden promises less, and the hello says so. Tests
    // still run.
    let lacks = family::adopt_orphans().err();
    let lacks = lacks.map(|error| failed("PR_SET_CHILD_SUBREAPER", &error).to_string());
    // Only now, since every step above may fail. After the hello, the test process sends requests
    // and does not expect a refusal any more.
    let hello = [HELLO, lacks.unwrap_or_default().as_bytes()].concat();
    wire::send(socket, &hello, &[])?;
    let Some(was_killed) = Warden::new(child_ended).serve(socket, owner.as_ref(), end_hold)? else {
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
