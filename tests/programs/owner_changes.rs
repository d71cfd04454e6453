//! Plays a test process that changes after its first start: it forks children, becomes another
//! user, or limits itself.
//!
//! Usage: `owner_changes WHAT ACTOR`, with an action of the list below. It prints the results, one per
//! line.

#![allow(
    unsafe_code,
    clippy::multiple_unsafe_ops_per_block,
    reason = "only the system forks and changes users"
)]

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;

use summon::{
    Error, Fixture, OutputCoordinatedExecutor, Process, SimpleExecutor, TcpCoordinatedExecutor,
};

#[summon::fixture(simple = "sleep 1000")]
static FIXTURE: Fixture;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [what, actor] = &words[..] else {
        panic!("usage: owner_changes WHAT ACTOR");
    };
    match what.as_str() {
        "unwind" | "exit" | "return" => fork(what, actor),
        "linger" => leave_a_child(actor),
        "stop" => stop_in_a_child(actor),
        "lease" => keep_a_lease_in_a_child(actor),
        "random" => name_in_a_child(),
        "start" => start_in_a_child(actor),
        "signal" => wait_for_a_signal(),
        "user" => become_another(),
        "effective user" => become_another_in_effect(),
        "limits" => limit_itself(),
        "retire" => hire_many(actor),
        "pids" => move_children(),
        other => panic!("no such change: {other}"),
    }
}

fn say(what: &str) {
    println!("{what}");
    std::io::stdout().flush().unwrap();
}

fn say_headline(error: &Error) {
    let text = error.to_string();
    say(text.lines().next().unwrap_or_default());
}

/// Forks, and returns whether this process is the child.
fn is_child() -> bool {
    // SAFETY: the main thread forks. The other threads of this process are summon's, and hold no
    // locks while the process is idle.
    unsafe { libc::fork() == 0 }
}

fn wait_for_child() {
    // SAFETY: `wait` takes a null pointer if the status is not needed.
    unsafe { libc::wait(std::ptr::null_mut()) };
}

fn server(actor: &str) -> TcpCoordinatedExecutor {
    let script = [actor, "say", "up", "listen", "127.0.0.1:{port}"];
    TcpCoordinatedExecutor::new(script, "127.0.0.1", 0).split_output(true)
}

/// Whether the log still exists beside the directory. The name of the test does not matter.
fn has_log(server: &Process) -> bool {
    let beside = std::fs::read_dir(server.dir().with_file_name("")).unwrap();
    let mut names = beside.map(|it| it.unwrap().file_name().into_string().unwrap());
    names.any(|name| name.ends_with(&format!("{}.log", server.name())))
}

/// Forks a child with copies of all values. The child ends as `how` says, and the parent checks the
/// remains.
fn fork(how: &str, actor: &str) {
    let server = server(actor);
    let scope = summon::orchestrated(&server).unwrap();
    let sleeper = SimpleExecutor::new("sleep 1000");
    sleeper.start().unwrap();
    FIXTURE.get().unwrap();
    let trace = std::env::var("SUMMON_TRACE").expect("SUMMON_TRACE is set");
    let length = || std::fs::metadata(&trace).unwrap().len();
    let before = length();
    if is_child() {
        // The child drops or keeps its copies of `scope`, `sleeper`, and the fixture in the same
        // way.
        match how {
            "unwind" => panic!("an assertion failed"),
            "exit" => std::process::exit(0),
            _ => return,
        }
    }
    wait_for_child();
    let after = length();
    for (holds, what) in [
        (TcpStream::connect(server.addr()).is_ok(), "server"),
        (sleeper.is_running(), "sleeper"),
        (FIXTURE.get().unwrap().is_running(), "fixture"),
        (server.dir().is_dir(), "directory"),
        (has_log(&server), "log"),
        (server.stdout() == b"up\n", "stream"),
        (before == after, "trace"),
        (scope.stop().is_ok(), "stop"),
    ] {
        say(&format!(
            "{what} {}",
            if holds { "whole" } else { "broken" }
        ));
    }
    let stopped = sleeper.stop();
    say(&format!("sleeper stopped {}", stopped.is_ok()));
}

/// Prints the pids of this process, of a child that lives until it is killed, and of the services.
fn leave_a_child(actor: &str) {
    let server = server(actor);
    server.start().unwrap();
    // SAFETY: as in `is_child`, the main thread forks, and no lock is held.
    let child = unsafe { libc::fork() };
    if child == 0 {
        loop {
            std::thread::park();
        }
    }
    say(&format!("{child} {}", server.id().unwrap()));
    loop {
        std::thread::park();
    }
}

/// A child tries to stop, kill, and signal a process of its parent.
fn stop_in_a_child(actor: &str) {
    let server = server(actor);
    server.start().unwrap();
    if is_child() {
        for asked in [
            server.stop(),
            server.kill(),
            server.signal(summon::Signal::TERM),
        ] {
            say_headline(&asked.unwrap_err());
        }
        std::process::exit(0);
    }
    wait_for_child();
    say(&format!("{}", server.is_running()));
}

/// A child keeps the last copy of a lease.
fn keep_a_lease_in_a_child(actor: &str) {
    let free = server(actor);
    free.start().unwrap();
    let port = free.port();
    drop(free);
    let on_port = || {
        let script = [actor, "listen", "127.0.0.1:{port}"];
        TcpCoordinatedExecutor::new(script, "127.0.0.1", port).turn_timeout("1500ms")
    };
    let first = on_port();
    first.start().unwrap();
    // SAFETY: as in `is_child`, the main thread forks, and no lock is held.
    let child = unsafe { libc::fork() };
    if child == 0 {
        loop {
            std::thread::park();
        }
    }
    first.stop().unwrap();
    let refused = on_port().start().unwrap_err();
    // SAFETY: the pid is a child of this process that has not been waited for.
    unsafe { libc::kill(child, libc::SIGKILL) };
    wait_for_child();
    say(&refused.to_string());
    on_port().start().unwrap();
}

/// Compares the next names of the parent and of the child.
fn name_in_a_child() {
    let start = || {
        let server = SimpleExecutor::new("sleep 1000");
        server.start().unwrap();
        let session = server.dir().parent().unwrap().file_name().unwrap();
        let name = session.to_str().unwrap().to_owned();
        say(name.rsplit('-').next().unwrap());
    };
    // Creates the keys before the fork.
    start();
    if is_child() {
        start();
        std::process::exit(0);
    }
    wait_for_child();
    start();
}

/// A child starts a process, which ends with the child.
fn start_in_a_child(actor: &str) {
    let server = server(actor);
    server.start().unwrap();
    if is_child() {
        let own = SimpleExecutor::new("sleep 1000").named("own");
        own.start().unwrap();
        let inside = own.dir().parent() == server.dir().parent();
        say(&format!("{} {inside}", own.id().unwrap()));
        std::process::exit(0);
    }
    wait_for_child();
    say(&format!("{}", server.is_running()));
}

fn wait_for_a_signal() {
    let server = SimpleExecutor::new("sleep 1000");
    server.start().unwrap();
    // SAFETY: all arguments are valid places, and `sigwait` fills in the last.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in [libc::SIGUSR1, libc::SIGTERM, libc::SIGRTMIN()] {
            libc::sigaddset(&raw mut set, signal);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        for signal in [libc::SIGUSR1, libc::SIGTERM, libc::SIGRTMIN()] {
            let mut came = 0;
            libc::kill(libc::getpid(), signal);
            libc::sigwait(&raw const set, &raw mut came);
            say(&format!("came {}", came == signal));
        }
    }
}

/// Returns the output of a service about its surroundings.
fn surroundings() -> Result<String, Error> {
    let script = "id -u; id -G; umask; ulimit -n; nice; readlink /proc/self/ns/net; echo end; exec sleep 1000";
    let server = OutputCoordinatedExecutor::new(["sh", "-c", script], "^end$");
    server.start()?;
    let said = String::from_utf8(server.output()).unwrap();
    server.stop()?;
    let words: Vec<&str> = said.split_whitespace().collect();
    Ok(words.join(" "))
}

const ANOTHER: u32 = 61009;

fn become_another() {
    say(&surroundings().unwrap());
    let kept = SimpleExecutor::new("sleep 1000");
    kept.start().unwrap();
    // SAFETY: the calls take numbers and an empty list.
    unsafe {
        assert_eq!(libc::setgroups(0, std::ptr::null()), 0);
        assert_eq!(libc::setresgid(ANOTHER, ANOTHER, ANOTHER), 0);
        assert_eq!(libc::setresuid(ANOTHER, ANOTHER, ANOTHER), 0);
    }
    say(&surroundings().unwrap());
    say(&format!("{}", kept.stop().is_ok()));
}

fn become_another_in_effect() {
    surroundings().unwrap();
    // SAFETY: `seteuid` takes a number.
    assert_eq!(unsafe { libc::seteuid(ANOTHER) }, 0);
    let refused = surroundings().unwrap_err();
    say_headline(&refused);
}

fn limit_itself() {
    say(&surroundings().unwrap());
    // SAFETY: the calls take numbers, or a valid place.
    unsafe {
        libc::umask(0o027);
        let mut limit = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        limit.rlim_cur = 77;
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit), 0);
        libc::nice(3);
        // Only root may do this.
        if libc::unshare(libc::CLONE_NEWNET) == 0 {
            say("network");
        }
    }
    say(&surroundings().unwrap());
    let own = std::fs::read_link(Path::new("/proc/thread-self/ns/net")).unwrap();
    say(own.to_str().unwrap());
}

fn move_children() {
    // SAFETY: `unshare` takes a number.
    assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWPID) }, 0);
    say(&surroundings().unwrap_err().to_string());
}

/// Each service has its own warden, and summon keeps only the last wardens. The first services take
/// longest to end.
fn hire_many(actor: &str) {
    for number in 0..12 {
        // SAFETY: `umask` takes a number. No other thread makes files meanwhile.
        unsafe { libc::umask(number) };
        let script = match number < 4 {
            true => [actor, "ignore", "say", "up", "wait"],
            false => [actor, "say", "up", "say", "up"],
        };
        let server = OutputCoordinatedExecutor::new(script, "^up$").stop_timeout("1s");
        server.start().unwrap();
        if number == 0 {
            say(&server.dir().parent().unwrap().display().to_string());
        }
        say(&server.id().unwrap().to_string());
        std::mem::forget(server);
    }
}
