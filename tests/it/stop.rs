//! `stop` returns when no process is left.

use std::thread;

use summon::{OutputCoordinatedExecutor, Signal, SimpleExecutor, TcpCoordinatedExecutor};

use crate::support::{ACTOR, Life, TempDir, actor, eventually, family, parent, recorded};

#[test]
fn ends_the_process_its_guard_and_its_files() {
    let sleeper = SimpleExecutor::new("sleep 1000");
    sleeper.start().unwrap();
    let pid = sleeper.id().unwrap();
    let lives = family(parent(pid));
    assert_eq!(lives.len(), 2);
    assert!(
        lives[0].what.starts_with("summon-guard: sleep"),
        "{lives:?}"
    );
    let dir = sleeper.dir().to_owned();
    sleeper.stop().unwrap();
    assert!(!sleeper.is_running());
    for life in lives {
        eventually("the guard ends too", || !life.goes_on());
    }
    drop(sleeper);
    assert!(!dir.exists());
}

#[test]
fn asks_with_the_stop_signal() {
    let dir = TempDir::new();
    let polite = OutputCoordinatedExecutor::new(
        actor(["farewell", &dir.file("record"), "bye", "say", "up"]),
        "up",
    );
    polite.start().unwrap();
    polite.stop().unwrap();
    assert_eq!(recorded(&dir.file("record")), ["bye"]);

    let script = "trap 'echo INT; exit' INT; echo up; while :; do sleep 0.01; done";
    let shell = OutputCoordinatedExecutor::new(script, "up")
        .shell(true)
        .stop_signal(Signal::INT);
    shell.start().unwrap();
    shell.stop().unwrap();
    assert_eq!(shell.output(), b"up\nINT\n");
}

#[test]
fn kills_what_ignores_the_stop_signal() {
    let stubborn =
        OutputCoordinatedExecutor::new(actor(["ignore", "say", "up"]), "up").stop_timeout("50ms");
    stubborn.start().unwrap();
    let life = Life::of(stubborn.id().unwrap()).unwrap();
    stubborn.stop().unwrap();
    assert!(!life.goes_on());
}

#[test]
fn kills_the_members_that_a_leader_left_behind() {
    let script = actor(["child", "ignore say up", "wait"]);
    let leader = OutputCoordinatedExecutor::new(script, "up").stop_timeout("50ms");
    leader.start().unwrap();
    let lives = family(leader.id().unwrap());
    assert_eq!(lives.len(), 2);
    // The leader ends at TERM, but its child does not.
    leader.stop().unwrap();
    assert!(lives.iter().all(|life| !life.goes_on()));
}

#[test]
fn asks_those_who_left_the_group_before_it_kills_them() {
    let dir = TempDir::new();
    let script = format!("farewell {} bye say up", dir.file("record"));
    let leader = OutputCoordinatedExecutor::new(actor(["daemon", &script]), "up");
    leader.start().unwrap();
    leader.stop().unwrap();
    assert_eq!(recorded(&dir.file("record")), ["bye"]);
}

#[test]
fn stops_what_a_leader_left_that_ended_by_itself() {
    let script = actor(["child", "ignore say up", "await", "{dir}/go", "exit", "5"]);
    let leader = OutputCoordinatedExecutor::new(script, "up").stop_timeout("50ms");
    leader.start().unwrap();
    let lives = family(leader.id().unwrap());
    std::fs::write(leader.dir().join("go"), "").unwrap();
    assert_eq!(leader.wait("20s").unwrap().code(), Some(5));
    assert!(!leader.is_running());
    leader.stop().unwrap();
    assert!(lives.iter().all(|life| !life.goes_on()));
}

#[test]
fn a_stopped_or_never_started_process_may_be_stopped() {
    let sleeper = SimpleExecutor::new("sleep 1000");
    sleeper.stop().unwrap();
    sleeper.start().unwrap();
    sleeper.stop().unwrap();
    sleeper.stop().unwrap();
}

#[test]
fn a_halted_process_can_be_stopped() {
    let sleeper = SimpleExecutor::new("sleep 1000").stop_timeout("1h");
    sleeper.start().unwrap();
    sleeper.signal(Signal::STOP).unwrap();
    sleeper.stop().unwrap();
}

#[test]
fn a_start_in_another_thread_is_given_up() {
    let never = OutputCoordinatedExecutor::new("sleep 1000", "never").timeout("2m");
    thread::scope(|scope| {
        let starting = scope.spawn(|| never.start());
        eventually("it runs", || never.is_running());
        never.stop().unwrap();
        assert!(!never.is_running());
        let error = starting.join().unwrap().unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("sleep was stopped before it became ready"),
            "{error}"
        );
    });
}

#[test]
fn dropping_an_executor_stops_its_process() {
    let sleeper = SimpleExecutor::new("sleep 1000");
    sleeper.start().unwrap();
    let life = Life::of(sleeper.id().unwrap()).unwrap();
    drop(sleeper);
    assert!(!life.goes_on());
}

#[test]
fn a_crashed_process_can_be_started_again() {
    let sleeper = SimpleExecutor::new("sleep 1000");
    sleeper.start().unwrap();
    sleeper.signal(Signal::KILL).unwrap();
    let status = sleeper.wait("20s").unwrap();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(9)
    );
    assert!(!sleeper.is_running());
    assert!(sleeper.signal(Signal::TERM).is_err());
    sleeper.start().unwrap();
    assert!(sleeper.is_running());
}

#[test]
fn kill_has_no_grace() {
    let stubborn =
        OutputCoordinatedExecutor::new(actor(["ignore", "say", "up"]), "up").stop_timeout("1h");
    stubborn.start().unwrap();
    stubborn.kill().unwrap();
    assert!(!stubborn.is_running());
    assert!(stubborn.kill().is_err());
}

#[test]
fn a_wait_has_its_limit() {
    let sleeper = SimpleExecutor::new("sleep 1000");
    assert!(
        sleeper
            .wait("1s")
            .unwrap_err()
            .to_string()
            .contains("it was not started")
    );
    sleeper.start().unwrap();
    assert!(sleeper.wait("20ms").unwrap_err().is_timeout());
}

/// Returns a server that answers SIGTERM with exit code 3.
fn ends_with_3() -> TcpCoordinatedExecutor {
    let script = format!("trap 'exit 3' TERM; {ACTOR} mute 127.0.0.1:{{port}} & wait");
    TcpCoordinatedExecutor::new(["sh", "-c", &script], "127.0.0.1", 0)
}

#[test]
fn an_exit_code_while_a_client_is_connected_is_told_as_one() {
    let server = ends_with_3();
    server.start().unwrap();
    let client = std::net::TcpStream::connect(server.addr()).unwrap();
    let error = server.stop().unwrap_err().to_string();
    let hint = format!(
        "hint      a client was still connected to port {}, and the exit code of some servers \
         depends on that: drop pooled clients first, or try `stop_signal = summon::Signal::INT`\n",
        server.port()
    );
    // The likelier hint comes first.
    let other = "            if this exit code is fine, allow it with `expect_exit`\n";
    assert!(error.contains(&(hint + other)), "{error}");
    drop(client);

    let server = ends_with_3();
    server.start().unwrap();
    let error = server.stop().unwrap_err().to_string();
    assert!(
        error.contains("hint      if this exit code is fine, allow it with `expect_exit`\n"),
        "{error}"
    );
}

#[test]
fn a_start_after_an_end_that_nobody_asked_for_returns_its_error() {
    let server = SimpleExecutor::new("sh -c 'read line; exit 3'")
        .named("server")
        .stdin(summon::Stdin::piped())
        .must_live(true);
    server.start().unwrap();
    server.write_stdin("end\n").unwrap();
    eventually("it ends", || !server.is_running());
    let error = server.start().unwrap_err().to_string();
    assert!(error.starts_with("server exited with code 3 "), "{error}");
    // The end is judged once, and the test may wait for it.
    server.start().unwrap();
    server.write_stdin("end\n").unwrap();
    server.wait("30s").unwrap();
    server.start().unwrap();
    server.stop().unwrap();
}
