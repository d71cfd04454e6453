//! No container outlives the test process, however the process ends, and whenever.

use std::process::Command;
use std::time::Duration;

use summon::{OutputCoordinatedExecutor, Signal, TcpCoordinatedExecutor};

use crate::apart;
use crate::engine::{ACTOR, containers, shell};
use crate::owner::{
    MARK, RELAYED, containers_of, find, kill_all, marked, owner, processes, until_ready,
};
use crate::support::{Group, Life, eventually};

/// The number of rounds that each ending is repeated.
const ROUNDS: u32 = 3;

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
            let started = start.join().unwrap();
            // The guard was killed after that, or after the end of the start.
            let is_late = started.is_err() || titled("summon-guard", &name).is_none();
            if let Err(error) = started {
                assert!(error.to_string().contains("its guard died"), "{error}");
            }
            if is_late {
                // Its error says that the guard was killed.
                let _ = server.stop();
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
    processes().find(|pid| Life::of(*pid).is_some_and(|it| it.what == title))
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn gets_no_grace_that_would_only_take_time() {
    // Neither handles the stop signal, and the second one never gets ready.
    for script in ["exec actor listen 0.0.0.0:80", "exec sleep 1000"] {
        let mark = format!("{}-grace-{}", std::process::id(), script.len());
        let mut owner = owner(script, "wait");
        let mut owner = Group::spawn(owner.env("SUMMON_TEST_GRACE", "5m").env(MARK, &mark));
        let pid = owner.id();
        eventually("its container runs", || containers_of(pid).contains(" Up"));
        kill_all(&[pid]);
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
fn by_the_kill_that_was_asked_for_is_not_told() {
    if apart::is_here() {
        let server = shell("echo up; exec sleep 1000").stop_signal(Signal::KILL);
        server.start().unwrap();
        server.stop().unwrap();
        return;
    }
    let ran = apart::run("ends::by_the_kill_that_was_asked_for_is_not_told", &[]);
    let said = apart::said(&ran);
    assert!(ran.status.success(), "{said}");
    assert!(!said.contains("was killed at once"), "{said}");
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
