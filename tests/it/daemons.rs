//! Programs that fork away: summon follows them if the test says so, and reports an error
//! otherwise.

use std::time::{Duration, Instant};

use summon::{OutputCoordinatedExecutor, Process, Signal, TcpCoordinatedExecutor, probe, summon};

use crate::support::{ACTOR, Life, actor, ask, eventually, tcp};

#[summon(
    tcp = [ACTOR, "daemon", "boot 20 listen 127.0.0.1:{port} wait", "exit", "0"],
    daemon = true,
)]
#[test]
fn a_daemon_is_followed(server: &Process) {
    assert_eq!(ask(server.addr()), "1");
    assert!(server.is_running());
    let daemon = Life::of(server.id().unwrap()).unwrap();
    assert!(daemon.what.contains("listen"), "{daemon:?}");
    server.restart().unwrap();
    assert!(!daemon.goes_on());
    assert_eq!(ask(server.addr()), "1");
    let daemon = Life::of(server.id().unwrap()).unwrap();
    server.stop().unwrap();
    assert!(!daemon.goes_on());
}

#[test]
fn the_end_of_a_daemon_is_seen() {
    let script = actor(["daemon", "say up await {dir}/go exit 6", "exit", "0"]);
    let server = OutputCoordinatedExecutor::new(script, "up").daemon(true);
    server.start().unwrap();
    std::fs::write(server.dir().join("go"), "").unwrap();
    assert_eq!(server.wait("20s").unwrap().code(), Some(6));
    assert!(!server.is_running());
}

#[test]
fn one_that_fails_to_become_a_daemon_is_told() {
    for (script, code) in [
        (["say", "no", "exit", "3"], 3),
        (["say", "done", "exit", "0"], 0),
    ] {
        let server = OutputCoordinatedExecutor::new(actor(script), "up")
            .daemon(true)
            .timeout("1h");
        let error = server.start().unwrap_err();
        assert_eq!(error.exit_status().unwrap().code(), Some(code));
        let text = error.to_string();
        assert!(
            text.contains("it exited, and left no process behind"),
            "{text}"
        );
        assert!(!text.contains("stays in the foreground"), "{text}");
    }
}

#[test]
fn a_daemon_is_ready_only_when_what_was_started_has_ended() {
    let script = actor(["daemon", "say up wait", "boot", "300", "exit", "0"]);
    let server = OutputCoordinatedExecutor::new(script, "up").daemon(true);
    server.start().unwrap();
    let daemon = Life::of(server.id().unwrap()).unwrap();
    assert!(daemon.what.ends_with("say up wait"), "{daemon:?}");
}

#[test]
fn one_that_stays_in_the_foreground_is_no_daemon() {
    let server = OutputCoordinatedExecutor::new(actor(["say", "up", "wait"]), "up")
        .daemon(true)
        .timeout("5s");
    let error = server.start().unwrap_err().to_string();
    assert!(
        error.contains("the first process to fork and exit: it has not exited"),
        "{error}"
    );
    assert!(error.contains("remove `daemon = true`"), "{error}");
}

/// Returns a server that forks. Its first process ends when the file `then` exists.
fn forks_away(then: &str) -> TcpCoordinatedExecutor {
    let listens = "listen 127.0.0.1:{port} wait";
    tcp(["daemon", listens, "await", then, "exit", "0"], "127.0.0.1").named("server")
}

/// Checks the report of a server that has forked away.
#[track_caller]
fn assert_forked_away(error: &summon::Error) {
    let text = error.to_string();
    assert!(text.contains("server exited with code 0"), "{text}");
    assert!(
        text.contains("so it forks away: keep it in the foreground"),
        "{text}"
    );
    assert!(text.contains("or set `daemon = true`"), "{text}");
    assert_eq!(error.exit_status().unwrap().code(), Some(0));
}

#[test]
fn one_that_forks_away_after_it_was_ready_fails_its_test() {
    let server = forks_away("{dir}/go");
    let scope = summon::orchestrated(&server).unwrap();
    std::fs::write(server.dir().join("go"), "").unwrap();
    eventually("it forks away", || !server.is_running());
    // The server still serves, so no other check would fail.
    assert_eq!(ask(server.addr()), "1");
    let error = server.signal(Signal::HUP).unwrap_err().to_string();
    assert!(error.contains("or set `daemon = true`"), "{error}");
    assert_forked_away(&scope.stop().unwrap_err());
    // The second stop does not report the error again.
    server.stop().unwrap();
}

#[test]
fn one_that_forks_away_while_it_becomes_ready_is_told_at_the_start_or_at_the_stop() {
    for _ in 0..20 {
        let server = forks_away("/dev/null");
        let started = server.start();
        let error = started.and_then(|()| server.stop()).unwrap_err();
        assert_forked_away(&error);
    }
}

#[test]
fn one_that_forks_away_when_everything_was_seen_is_told_at_the_start() {
    // The last probe ends the program, and is ready once the program has ended.
    let gone = |target: &probe::Target<'_>| {
        let pid = target.id().unwrap_or_default();
        std::fs::write(target.dir().join("go"), "").unwrap();
        eventually("it forks away", || {
            !Life::of(pid).is_some_and(|life| life.what.contains("await"))
        });
        Ok::<_, &str>(())
    };
    let error = forks_away("{dir}/go").and(gone).start().unwrap_err();
    assert_forked_away(&error);
    // `before it was ready` and `ready` would contradict each other.
    let text = error.to_string();
    assert!(
        text.contains(": holds, but the program has exited\n"),
        "{text}"
    );
}

#[test]
fn one_that_is_about_to_fork_away_does_so_before_it_is_stopped() {
    // The program computes before it forks, as programs do while they set themselves up.
    let script = "trap 'exit 5' TERM; echo bound; i=0; \
        while [ $i -lt 3000 ]; do i=$((i+1)); done; sleep 1000 >/dev/null & exit 0";
    for _ in 0..10 {
        let server = OutputCoordinatedExecutor::new(script, "bound")
            .shell(true)
            .named("server");
        // On a busy machine, the program may fork before the start returns.
        let begun = server.start();
        assert_forked_away(&begun.and_then(|()| server.stop()).unwrap_err());
    }
}

#[test]
fn workers_that_end_after_their_master_are_no_daemon() {
    let worker = "await {dir}/go boot 20 exit 0";
    let script = actor([
        "child", worker, "say", "up", "await", "{dir}/go", "exit", "0",
    ]);
    let server = OutputCoordinatedExecutor::new(script, "up");
    server.start().unwrap();
    std::fs::write(server.dir().join("go"), "").unwrap();
    eventually("it ends", || !server.is_running());
    server.stop().unwrap();
}

#[test]
fn the_end_of_one_that_was_waited_for_is_no_surprise_whatever_it_leaves() {
    let script = actor([
        "daemon", "wait", "say", "up", "await", "{dir}/go", "exit", "0",
    ]);
    let server = OutputCoordinatedExecutor::new(script, "up");
    server.start().unwrap();
    std::fs::write(server.dir().join("go"), "").unwrap();
    assert!(server.wait("20s").unwrap().success());
    server.stop().unwrap();
}

#[test]
fn a_daemon_is_ready_as_soon_as_it_has_forked_away() {
    let time = || {
        let server = tcp(
            ["daemon", "listen 127.0.0.1:{port} wait", "exit", "0"],
            "127.0.0.1",
        )
        .daemon(true);
        let began = Instant::now();
        server.start().unwrap();
        began.elapsed()
    };
    // The best of ten rounds counts, since the machine runs other programs too.
    let best = (0..10).map(|_| time()).min().unwrap();
    assert!(best < Duration::from_millis(150), "{best:?}");
}

#[test]
fn a_daemon_can_crash_and_be_killed() {
    let script = || actor(["daemon", "ignore say up wait", "exit", "0"]);
    let server = OutputCoordinatedExecutor::new(script(), "up").daemon(true);
    server.start().unwrap();
    let daemon = Life::of(server.id().unwrap()).unwrap();
    server.crash(Signal::ABRT).unwrap();
    assert!(!server.is_running() && !daemon.goes_on());
    server.start().unwrap();
    let daemon = Life::of(server.id().unwrap()).unwrap();
    server.kill().unwrap();
    assert!(!daemon.goes_on());
}

#[test]
fn what_is_left_behind_is_told_once_however_many_there_are() {
    let script = actor([
        "child", "wait", "child", "wait", "child", "wait", "exit", "0",
    ]);
    let server = OutputCoordinatedExecutor::new(script, "never");
    let error = server.start().unwrap_err().to_string();
    assert!(error.contains("it has left `"), "{error}");
    assert_eq!(error.matches("actor wait`").count(), 1, "{error}");
}
