//! Nothing outlives the test process, however the process ends.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{
    ACTOR, Group, Life, OWNER, TempDir, actor_whose_name_is_no_text, against_the_warden,
    eventually, family, hear_int, parent, with_the_warden,
};

/// The number of rounds that each ending is repeated.
const ROUNDS: usize = 20;

#[derive(Clone, Copy)]
enum Ending {
    ByItself(&'static str),
    Signal(i32),
    SignalToGroup(i32),
}

macro_rules! survivors {
    ($($service:ident { $($name:ident: $ending:expr,)* })*) => {$(
        mod $service {
            use super::*;
            $(
                #[test]
                fn $name() {
                    for _ in 0..ROUNDS {
                        survives_nothing(stringify!($service), $ending);
                    }
                }
            )*
        }
    )*};
    ($($service:ident)*) => {
        survivors! {$($service {
            after_return: Ending::ByItself("return"),
            after_exit: Ending::ByItself("exit"),
            after_abort: Ending::ByItself("abort"),
            after_panic: Ending::ByItself("panic"),
            after_stack_overflow: Ending::ByItself("overflow"),
            after_sigterm: Ending::Signal(libc::SIGTERM),
            after_sigint_to_its_group: Ending::SignalToGroup(libc::SIGINT),
            after_sigkill: Ending::Signal(libc::SIGKILL),
            after_sigkill_to_its_group: Ending::SignalToGroup(libc::SIGKILL),
        })*}
    };
}

survivors!(plain stubborn daemon linked);

fn survives_nothing(service: &str, ending: Ending) {
    let word = match ending {
        Ending::ByItself(word) => word,
        _ => "wait",
    };
    // The owner waits for its stdin, so it ends only after this test has noted all processes.
    let mut owner = Owner::start(service, word);
    // The expected processes are the warden, two guards, the service, the sleeper, and the children
    // of the service. Each one must be counted, or it could survive unnoticed.
    let expected = match service {
        "plain" => 5,
        "stubborn" => 8,
        // In the place of a child, the process of a link.
        _ => 6,
    };
    let lives = owner.lives();
    assert_eq!(lives.len(), expected, "{lives:?}");
    match ending {
        Ending::ByItself(_) => owner.go(),
        Ending::Signal(signal) => owner.signal(signal, false),
        Ending::SignalToGroup(signal) => owner.signal(signal, true),
    }
    owner.child.wait().unwrap();
    for life in &lives {
        eventually(&format!("{life:?} ends"), || !life.goes_on());
    }
    let session = owner.dir.parent().unwrap();
    // A panic prints the processes and names their logs, so the logs stay. The logs of a killed
    // test stay too, with a report. A person who interrupts the run wants neither.
    let interrupts = matches!(ending, Ending::SignalToGroup(libc::SIGINT));
    let has_failed = word != "exit" && word != "return" && !interrupts;
    let stays = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let is_log = path.extension().is_some_and(|it| it == "log");
        has_failed && (is_log || path.ends_with("report.txt"))
    };
    let left = || std::fs::read_dir(session).map(|mut entries| entries.all(stays));
    eventually("its other files are removed", || {
        left().unwrap_or(!has_failed)
    });
    if has_failed {
        let _ = std::fs::remove_dir_all(session);
    }
}

/// A running `owner`, with its services ready.
pub(crate) struct Owner {
    pub(crate) child: Group,
    stdout: BufReader<std::process::ChildStdout>,
    pub(crate) dir: PathBuf,
    pub(crate) services: Vec<u32>,
}

impl Owner {
    pub(crate) fn start(service: &str, ending: &str) -> Owner {
        Owner::from(Command::new(OWNER).args([service, ending, ACTOR]))
    }

    pub(crate) fn from(command: &mut Command) -> Owner {
        hear_int(command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = Group::spawn(command.stderr(Stdio::piped()));
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("ready ") {
            line.clear();
            if stdout.read_line(&mut line).unwrap() == 0 {
                let mut said = String::new();
                child
                    .stderr
                    .take()
                    .unwrap()
                    .read_to_string(&mut said)
                    .unwrap();
                panic!("the owner did not get ready: {said}");
            }
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        Owner {
            child,
            stdout,
            dir: words[1].into(),
            services: words[2..].iter().map(|pid| pid.parse().unwrap()).collect(),
        }
    }

    /// Returns the warden, the guards, the services, and all their descendants.
    pub(crate) fn lives(&self) -> Vec<Life> {
        family(parent(parent(self.services[0])))
    }

    /// Lets the owner end in the way that its second argument names.
    pub(crate) fn go(&mut self) {
        drop(self.child.stdin.take());
    }

    pub(crate) fn signal(&self, signal: i32, group: bool) {
        let pid = self.child.id() as i32;
        // SAFETY: the pid is a child of this process that has not been waited for.
        #[expect(unsafe_code, reason = "std sends no signals but KILL")]
        let sent = unsafe { libc::kill(if group { -pid } else { pid }, signal) };
        assert_eq!(sent, 0);
    }
}

#[test]
fn services_and_helpers_hold_nothing_of_the_tests() {
    // A descriptor that the test process opened without close-on-exec.
    let file = std::fs::File::open(ACTOR).unwrap();
    let mut command = Command::new(OWNER);
    command.args(["plain", "wait", ACTOR]);
    let fd = std::os::fd::AsRawFd::as_raw_fd(&file);
    let leak = move || {
        // SAFETY: the descriptor is open in the child, too.
        #[expect(unsafe_code, reason = "std passes no descriptors on")]
        match unsafe { libc::fcntl(fd, libc::F_SETFD, 0) } {
            -1 => Err(std::io::Error::last_os_error()),
            _ => Ok(()),
        }
    };
    // SAFETY: fcntl is async-signal-safe.
    #[expect(unsafe_code, reason = "std passes no descriptors on")]
    unsafe {
        command.pre_exec(leak)
    };
    let owner = Owner::from(&mut command);
    let of_owner = open_files(owner.child.id());
    assert!(of_owner.contains(&PathBuf::from(ACTOR)));
    let streams: Vec<PathBuf> = [1, 2]
        .iter()
        .map(|fd| std::fs::read_link(format!("/proc/{}/fd/{fd}", owner.child.id())).unwrap())
        .collect();
    for life in owner.lives() {
        for open in open_files(life.pid) {
            assert!(
                !streams.contains(&open),
                "{life:?} holds {}",
                open.display()
            );
            assert_ne!(open, Path::new(ACTOR), "{life:?}");
        }
    }
    // When the loader has read the libraries, a service holds its three streams and nothing else.
    // No two guards hold the same socket.
    eventually("a service holds three descriptors", || {
        open_files(owner.services[1]).len() == 3
    });
    let guards = [parent(owner.services[0]), parent(owner.services[1])];
    let sockets = guards.map(|guard| {
        let all = open_files(guard).into_iter();
        all.filter(|open| open.to_string_lossy().starts_with("socket:"))
            .collect::<Vec<_>>()
    });
    assert_eq!((sockets[0].len(), sockets[1].len()), (1, 1), "{sockets:?}");
    assert_ne!(sockets[0], sockets[1]);
}

fn open_files(pid: u32) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    // A file that is closed meanwhile has no link. The files after it still count.
    let links = entries.map(|entry| std::fs::read_link(entry.unwrap().path()));
    links.filter_map(Result::ok).collect()
}

#[test]
fn the_copy_never_reaches_main() {
    let mut owner = Owner::start("plain", "exit");
    owner.go();
    owner.child.wait().unwrap();
    let mut rest = String::new();
    owner.stdout.read_to_string(&mut rest).unwrap();
    // Only the `main` of the owner held this stdout, and the test has read its output up to
    // `ready`. A copy that reached `main` would also have started copies and services.
    assert_eq!(rest, "");
}

#[test]
fn a_leaked_mark_does_no_harm() {
    // A program that starts nothing is not disturbed.
    let plain = Command::new(OWNER)
        .env("SUMMON_WARDEN", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&plain.stderr).into_owned();
    assert_eq!(plain.stdout, b"main\n");
    assert!(said.contains("usage: owner"), "{said}");
    // A program that starts something gets an error with the reason.
    let starts = Command::new(OWNER)
        .args(["plain", "exit", ACTOR])
        .env("SUMMON_WARDEN", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&starts.stderr).into_owned();
    assert!(!starts.status.success());
    assert!(
        said.contains("the environment variable SUMMON_WARDEN is set"),
        "{said}"
    );
}

#[test]
fn a_dead_warden_is_replaced_and_its_guards_live_on() {
    let _warden = against_the_warden();
    use summon::SimpleExecutor;
    let first = SimpleExecutor::new("sleep 1000");
    first.start().unwrap();
    let warden = parent(parent(first.id().unwrap()));
    let life = Life::of(warden).unwrap();
    assert!(life.what.starts_with("summon-warden"), "{life:?}");
    let killed = Command::new("kill")
        .args(["-KILL", &warden.to_string()])
        .status();
    assert!(killed.unwrap().success());
    eventually("the warden is dead", || !life.goes_on());
    let second = SimpleExecutor::new("sleep 1000");
    second.start().unwrap();
    assert!(first.is_running() && second.is_running());
    first.stop().unwrap();
}

#[test]
fn a_killed_guard_takes_its_service_along_and_says_so() {
    use summon::SimpleExecutor;
    let sleeper = SimpleExecutor::new("sleep 1000");
    sleeper.start().unwrap();
    let pid = sleeper.id().unwrap();
    let life = Life::of(pid).unwrap();
    let guard = parent(pid).to_string();
    assert!(
        Command::new("kill")
            .args(["-KILL", &guard])
            .status()
            .unwrap()
            .success()
    );
    eventually("the service dies with its guard", || !life.goes_on());
    eventually("its owner knows", || !sleeper.is_running());
    let error = sleeper.stop().unwrap_err();
    assert!(
        error.to_string().contains("the guard of sleep was killed"),
        "{error}"
    );
}

#[test]
fn a_killed_guard_takes_descendants_along_whose_names_are_no_text() {
    use summon::OutputCoordinatedExecutor;
    let _warden = with_the_warden();
    let dir = TempDir::new();
    let script = [
        actor_whose_name_is_no_text(&dir),
        "stranger".into(),
        "ignore say up".into(),
    ];
    let server = OutputCoordinatedExecutor::new(script, "up");
    server.start().unwrap();
    let lives = family(server.id().unwrap());
    assert_eq!(lives.len(), 2);
    let guard = parent(lives[0].pid).to_string();
    let killed = Command::new("kill").args(["-KILL", &guard]).status();
    assert!(killed.unwrap().success());
    for life in &lives {
        eventually("a descendant dies with the guard", || !life.goes_on());
    }
    server.stop().unwrap_err();
}

#[test]
fn real_time_signals_end_neither_warden_nor_guard_nor_service() {
    let _warden = with_the_warden();
    use summon::SimpleExecutor;
    let sleeper = SimpleExecutor::new("sleep 1000");
    sleeper.start().unwrap();
    let service = sleeper.id().unwrap();
    let guard = parent(service);
    for pid in [guard, parent(guard)] {
        let life = Life::of(pid).unwrap();
        assert!(life.what.starts_with("summon-"), "{life:?}");
        for signal in 32..=64 {
            // SAFETY: `kill` takes two numbers. The guard lives until the service ends, and
            // `_warden` keeps the warden alive.
            #[expect(unsafe_code, reason = "std sends no signals but KILL")]
            let sent = unsafe { libc::kill(pid as i32, signal) };
            assert_eq!(sent, 0);
        }
    }
    // The warden and the guard still work.
    sleeper.paused(|| ()).unwrap();
    assert!(sleeper.is_running());
    let another = SimpleExecutor::new("sleep 1000");
    another.start().unwrap();
    assert_eq!(parent(parent(another.id().unwrap())), parent(guard));
    // A program does not inherit the ignored signals.
    let status = std::fs::read_to_string(format!("/proc/{service}/status")).unwrap();
    assert!(status.contains("SigIgn:\t0000000000000000\n"), "{status}");
}

#[test]
fn a_test_may_wait_for_all_its_children() {
    // If the test had a child that never ends, this wait would never return. The services and the
    // warden are not children of the test.
    let owner = Owner::start("plain", "wait");
    let children = family(owner.child.id());
    assert_eq!(children.len(), 1, "{children:?}");
}
