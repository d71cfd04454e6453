//! Actions of programs that misbehave.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

/// Blocks TERM in all later threads, and calls `act` when TERM arrives. The caller must not have
/// started other threads.
pub(crate) fn on_term(act: impl FnOnce() + Send + 'static) {
    // SAFETY: all zeroes is a valid set, and `set` is a valid place for each call.
    let set = unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGTERM);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        set
    };
    thread::spawn(move || {
        let mut signal = 0;
        // SAFETY: both arguments are valid places.
        unsafe { libc::sigwait(&raw const set, &raw mut signal) };
        act();
    });
}

/// At TERM, forks `count` children, and does not end.
pub(crate) fn brood(count: u32) {
    on_term(move || {
        for _ in 0..count {
            // SAFETY: the child only waits.
            if unsafe { libc::fork() } == 0 {
                loop {
                    // SAFETY: `pause` takes no arguments.
                    unsafe { libc::pause() };
                }
            }
        }
    });
}

/// Each process forks the next process in a new session, and ends. One process is always alive, but
/// never long enough to be inspected. The chain ends after `count` processes.
pub(crate) fn chain(count: u32) {
    // SAFETY: the child only calls async-signal-safe functions.
    if unsafe { libc::fork() } != 0 {
        return;
    }
    for _ in 0..count {
        // SAFETY: `setsid` takes no arguments.
        unsafe { libc::setsid() };
        // SAFETY: as above, the child only calls async-signal-safe functions.
        if unsafe { libc::fork() } != 0 {
            // SAFETY: `_exit` ends this process.
            unsafe { libc::_exit(0) };
        }
    }
    // SAFETY: as above, `_exit` ends this process.
    unsafe { libc::_exit(0) };
}

/// Forks two children per process, each in a new session, for a number of generations. All
/// processes then wait.
pub(crate) fn bomb(generations: u32) {
    for _ in 0..generations {
        // SAFETY: the child only calls async-signal-safe functions.
        if unsafe { libc::fork() } == 0 {
            // SAFETY: `setsid` takes no arguments.
            unsafe { libc::setsid() };
        }
    }
}

pub(crate) fn close_all() {
    for fd in 0..1024 {
        // SAFETY: no code of this program uses the descriptors afterwards.
        unsafe { libc::close(fd) };
    }
}

pub(crate) fn kill_group() {
    // SAFETY: `kill` takes two numbers. The group is this process's group.
    unsafe { libc::kill(0, libc::SIGKILL) };
}

/// Kills its parent (1) or its grandparent (2).
pub(crate) fn kill_ancestor(generation: u32) {
    let mut pid = std::process::id();
    for _ in 0..generation {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("/proc");
        let rest = &stat[stat.rfind(')').expect("a name") + 2..];
        pid = rest
            .split(' ')
            .nth(1)
            .and_then(|pid| pid.parse().ok())
            .expect("a parent");
    }
    // SAFETY: `kill` takes two numbers. The pid is the guard or the warden of the test that runs
    // this script.
    unsafe { libc::kill(pid as i32, libc::SIGKILL) };
}

pub(crate) fn rename(name: &str) {
    let name = std::ffi::CString::new(name).expect("no NUL");
    // SAFETY: the name is valid, and the kernel copies it.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

pub(crate) fn become_user(uid: u32) {
    // SAFETY: `setuid` takes a number.
    let result = unsafe { libc::setuid(uid) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

/// Ends the first thread of the process. Another one goes on with `rest`.
pub(crate) fn headless(rest: impl FnOnce() + Send + 'static) -> ! {
    thread::spawn(rest);
    // SAFETY: the call ends this thread alone, which owns nothing that others use.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
    unreachable!("the thread has ended")
}

/// Goes on with `rest` in a thread that shares no descriptor with the first one.
pub(crate) fn apart(rest: impl FnOnce() + Send + 'static) {
    let apart = move || {
        // SAFETY: the call takes a number. This thread uses the descriptors that it has from now on.
        let unshared = unsafe { libc::unshare(libc::CLONE_FILES) };
        assert_eq!(unshared, 0, "descriptors of its own");
        rest();
    };
    let _ = thread::spawn(apart).join();
}

pub(crate) fn halt() {
    // SAFETY: `raise` takes a number, and halts this process.
    unsafe { libc::raise(libc::SIGSTOP) };
}

pub(crate) fn halt_at_term() {
    on_term(halt);
}

pub(crate) fn link(from: &str, to: &str) {
    let _ = std::fs::remove_file(from);
    std::os::unix::fs::symlink(to, from).expect("a link");
}

/// Writes a line without a line end.
pub(crate) fn long_line(length: usize) {
    let part = vec![b'y'; 1 << 20];
    let mut stdout = std::io::stdout().lock();
    for _ in 0..length / part.len() {
        stdout.write_all(&part).expect("stdout takes it");
    }
}

/// Listens, and never accepts.
pub(crate) fn deaf(addr: &str) {
    std::mem::forget(crate::net::bind(addr));
}

/// Answers HTTP without an end, in the first line or after it.
pub(crate) fn endless(addr: &str, head: &str) {
    let head = head.replace(';', "\r\n");
    let listener = crate::net::bind(addr);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let head = head.clone();
            thread::spawn(move || pour(stream, &head));
        }
    });
}

fn pour(mut stream: TcpStream, head: &str) {
    let part = vec![b'z'; 1 << 16];
    let _ = stream.write_all(head.as_bytes());
    while stream.write_all(&part).is_ok() {}
}

pub(crate) fn execute(command: &str) {
    let mut words = command.split(' ');
    let program = words.next().expect("a program");
    let error = Command::new(program).args(words).exec();
    panic!("{program}: {error}");
}
