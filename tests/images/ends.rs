//! No container outlives the test process, however the process ends, and whenever.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use summon::{OutputCoordinatedExecutor, TcpCoordinatedExecutor};

use crate::engine::{ACTOR, containers};
use crate::support::{Group, Life, eventually, family, hear_int};

/// A program that plays a test process with an image.
const OWNER: &str = env!("CARGO_BIN_EXE_owner_image");
/// The number of rounds that each ending is repeated.
const ROUNDS: u32 = 3;

/// It has a relay to another process.
const RELAYED: &str =
    "trap 'exit 0' TERM; NEAR={near.host}:{near.port}; actor listen 0.0.0.0:80 & wait";
/// It ignores the stop signal, and so do its children.
const STUBBORN: &str = "trap '' TERM; actor listen 0.0.0.0:80 & sleep 1000; true";

/// The variable that marks all processes of an owner.
const MARK: &str = "SUMMON_TEST_MARK";

/// Returns the processes with this mark.
fn marked(mark: &str) -> Vec<u32> {
    let mark = format!("{MARK}={mark}\0");
    let is_marked = |pid: &u32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let mut parts = environment.windows(mark.len());
        parts.any(|part| part == mark.as_bytes())
    };
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|it| it.file_name().to_str()?.parse().ok());
    pids.filter(is_marked).collect()
}

fn owner(script: &str, ending: &str) -> Command {
    let mut command = Command::new(OWNER);
    command.args([ACTOR, script, ending]);
    hear_int(&mut command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.stderr(Stdio::null());
    command
}

/// Waits until the container serves.
fn until_ready(owner: &mut Group) {
    let stdout = BufReader::new(owner.stdout.take().unwrap());
    let ready = stdout
        .lines()
        .map_while(Result::ok)
        .any(|line| line == "ready");
    assert!(ready, "the container never got ready");
}

/// Returns the containers of a test process.
fn containers_of(owner: u32) -> String {
    containers(&format!("label=summon.owner={owner}"))
}

fn ends_with_its_container(mut owner: Command, end: impl FnOnce(&mut Group)) {
    let mark = format!("{}-ends", std::process::id());
    let mut owner = Group::spawn(owner.env(MARK, &mark));
    let pid = owner.id();
    until_ready(&mut owner);
    assert_ne!(containers_of(pid), "");
    let family = family(pid);
    end(&mut owner);
    owner.wait().unwrap();
    eventually("its container is removed", || containers_of(pid).is_empty());
    for life in family {
        eventually(&format!("{life:?} ends"), || !life.goes_on());
    }
    // Its guards, its relays, and the engine's clients have the variable too.
    eventually("all its processes end", || marked(&mark).is_empty());
}

fn signal(signal: i32) -> impl FnOnce(&mut Group) {
    move |owner| {
        let pid = owner.id() as i32;
        // SAFETY: the child was not reaped yet, so the pid is its own.
        #[expect(unsafe_code, reason = "std sends only KILL")]
        let sent = unsafe { libc::kill(pid, signal) };
        assert_eq!(sent, 0);
    }
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn survives_no_end_of_the_test_process() {
    for _ in 0..ROUNDS {
        for script in [RELAYED, STUBBORN] {
            for ending in ["return", "exit", "abort", "panic"] {
                let end = |owner: &mut Group| drop(owner.stdin.take());
                ends_with_its_container(owner(script, ending), end);
            }
            for number in [libc::SIGKILL, libc::SIGTERM] {
                ends_with_its_container(owner(script, "wait"), signal(number));
            }
        }
    }
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn survives_no_death_at_a_random_moment() {
    die_at_random_moments(false);
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn survives_no_death_with_its_guard_at_a_random_moment() {
    die_at_random_moments(true);
}

/// Kills owners at moments that are spread over the whole start, with their guards if wanted.
fn die_at_random_moments(with_guard: bool) {
    let rounds = std::env::var("IMAGE_ROUNDS").map_or(20_u64, |it| it.parse().unwrap());
    for round in 0..rounds {
        let mark = format!("{}-{round}", std::process::id());
        let mut owner = Group::spawn(owner(RELAYED, "wait").env(MARK, &mark));
        let pid = owner.id();
        let moment = Duration::from_millis(round * 37 % 1000);
        std::thread::sleep(moment);
        let guards = marked(&mark).into_iter().filter_map(Life::of);
        let guards = guards.filter(|it| with_guard && it.what.starts_with("summon-guard: server"));
        let guards: Vec<String> = guards.map(|it| it.pid.to_string()).collect();
        // A guard may have ended meanwhile.
        let both = Command::new("kill")
            .args(["-KILL", &pid.to_string()])
            .args(guards)
            .status();
        both.unwrap();
        owner.wait().unwrap();
        // Its guard, its warden, and the engine's clients have the variable too.
        eventually("all its processes end", || marked(&mark).is_empty());
        assert_eq!(containers_of(pid), "", "after {moment:?}");
    }
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn survives_no_death_of_its_guard() {
    let mark = format!("{}-guard", std::process::id());
    let mut owner = Group::spawn(owner(RELAYED, "wait").env(MARK, &mark));
    let pid = owner.id();
    until_ready(&mut owner);
    let relay = kill(
        &mark,
        "summon-guard: server",
        "summon-link: near for server",
    );
    eventually("its container is removed", || containers_of(pid).is_empty());
    eventually("its relay ends", || !relay.goes_on());
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn survives_no_death_of_its_guard_and_its_test_process() {
    for round in 0..ROUNDS {
        let mark = format!("{}-both-{round}", std::process::id());
        let mut owner = Group::spawn(owner(RELAYED, "wait").env(MARK, &mark));
        let pid = owner.id();
        until_ready(&mut owner);
        let guard = find(&mark, "summon-guard: server");
        // One command, so that neither can clean up after the other.
        kill_all(&[pid, guard.pid]);
        owner.wait().unwrap();
        eventually("its container is removed", || containers_of(pid).is_empty());
        eventually("all its processes end", || marked(&mark).is_empty());
    }
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn is_not_removed_in_the_place_of_an_earlier_one() {
    let name = format!("again-{}", std::process::id());
    let server = named(&name);
    server.start().unwrap();
    kill_all(&[titled("summon-guard", &name).unwrap()]);
    eventually("the death is known", || !server.is_running());
    // Beside the remover.
    let _ = server.stop();
    server.start().unwrap();
    eventually("the remover ends", || {
        titled("summon-remover", &name).is_none()
    });
    assert!(server.is_running());
    server.stop().unwrap();
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn is_alone_after_the_death_of_its_guard_during_the_start() {
    for round in 0..ROUNDS {
        let name = format!("anew-{round}-{}", std::process::id());
        let server = named(&name);
        std::thread::scope(|scope| {
            let start = scope.spawn(|| server.start());
            eventually("its guard is there", || {
                titled("summon-guard", &name).is_some()
            });
            // While the engine makes the container.
            titled("summon-guard", &name)
                .into_iter()
                .for_each(|pid| kill_all(&[pid]));
            if let Err(error) = start.join().unwrap() {
                // The guard was killed after that.
                assert!(error.to_string().contains("its guard died"), "{error}");
                server.start().unwrap();
            }
        });
        eventually("the remover ends", || {
            titled("summon-remover", &name).is_none()
        });
        assert!(server.is_running());
        let of_this = format!("name=-{name}-");
        assert_eq!(containers(&of_this).lines().count(), 1);
        server.stop().unwrap();
        assert_eq!(containers(&of_this), "");
    }
}

fn named(name: &str) -> TcpCoordinatedExecutor {
    TcpCoordinatedExecutor::new("listen 0.0.0.0:80", "localhost", 80)
        .image(ACTOR)
        .named(name)
}

/// Finds a helper process of the process with this name.
fn titled(title: &str, name: &str) -> Option<u32> {
    let title = format!("{title}: {name}");
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut pids = processes.filter_map(|it| it.file_name().to_str()?.parse().ok());
    pids.find(|pid| Life::of(*pid).is_some_and(|it| it.what == title))
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn survives_no_death_of_its_relay() {
    let mark = format!("{}-relay", std::process::id());
    let mut owner = Group::spawn(owner(RELAYED, "exit").env(MARK, &mark));
    let pid = owner.id();
    until_ready(&mut owner);
    kill(
        &mark,
        "summon-link: near for server",
        "summon-guard: server",
    );
    drop(owner.stdin.take());
    owner.wait().unwrap();
    eventually("its container is removed", || containers_of(pid).is_empty());
    eventually("all its processes end", || marked(&mark).is_empty());
}

/// Kills a process with this mark, and returns another one.
fn kill(mark: &str, title: &str, other: &str) -> Life {
    let (killed, other) = (find(mark, title), find(mark, other));
    kill_all(&[killed.pid]);
    other
}

fn find(mark: &str, title: &str) -> Life {
    let mut processes = marked(mark).into_iter().filter_map(Life::of);
    let found = processes.find(|life| life.what.starts_with(title));
    found.unwrap_or_else(|| panic!("no process `{title}`"))
}

fn kill_all(pids: &[u32]) {
    let pids = pids.iter().map(u32::to_string);
    let sent = Command::new("kill").arg("-KILL").args(pids).status();
    assert!(sent.unwrap().success());
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn comes_at_once_to_a_start_that_is_called_off() {
    for delay in [0, 50, 150, 300, 450, 600] {
        // It handles the signal, and never gets ready.
        let script = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
        let server = TcpCoordinatedExecutor::new(["-c", script], "localhost", 80)
            .image(ACTOR)
            .entrypoint("sh")
            .stop_timeout("60s");
        std::thread::scope(|scope| {
            let start = scope.spawn(|| server.start());
            // The moments are spread over the whole start.
            std::thread::sleep(Duration::from_millis(delay));
            let began = std::time::Instant::now();
            while !start.is_finished() {
                server.stop().unwrap();
            }
            let error = start.join().unwrap().unwrap_err().to_string();
            assert!(
                error.contains("was stopped before it became ready"),
                "{error}"
            );
            assert!(
                began.elapsed() < Duration::from_secs(40),
                "after {delay} ms"
            );
        });
    }
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn comes_after_the_grace_to_a_program_that_ignores_its_stop() {
    let script = "trap '' TERM; echo up; while :; do sleep 0.1; done";
    let server = OutputCoordinatedExecutor::new(["-c", script], "^up$")
        .image(ACTOR)
        .entrypoint("sh")
        .stop_timeout("1s");
    server.start().unwrap();
    let began = std::time::Instant::now();
    server.stop().unwrap();
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(1), "{took:?}");
    // The `stop` of an engine would wait for a time-out of its own, which is some seconds longer.
    assert!(took < Duration::from_secs(7), "{took:?}");
    assert_eq!(String::from_utf8(server.output()).unwrap(), "up\n");
}
