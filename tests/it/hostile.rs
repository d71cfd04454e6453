//! Programs that misbehave can't hang, leak, or crash anything.

use std::process::Command;
use std::time::{Duration, Instant};

use summon::{
    Coordinated, HttpCoordinatedExecutor, OutputCoordinatedExecutor, Process, Signal,
    SimpleExecutor, probe,
};

use crate::needs::needs;
use crate::support::{
    ACTOR, Life, TempDir, actor, against_the_warden, error_at_limit, eventually, family, parent,
    tcp, with_the_warden,
};

/// Returns the surviving processes of a test. Each process has the test's directory in its
/// arguments.
pub(crate) fn survivors(sign: &str) -> Vec<Life> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let me = std::process::id();
    pids.filter(|pid| *pid != me)
        .filter_map(Life::of)
        .filter(|life| life.what.contains(sign))
        .collect()
}

/// Starts a program, stops it, and checks that nothing is left.
fn survives_a_stop(script: &str) {
    let dir = TempDir::new();
    let sign = dir.file("sign");
    let words = script
        .split(' ')
        .chain(["say", "up", "record", &sign, "up"]);
    let server = OutputCoordinatedExecutor::new([ACTOR], "^up$")
        .args(words.map(str::to_owned))
        .stop_timeout("200ms");
    server.start().unwrap();
    assert!(!survivors(&sign).is_empty());
    server.stop().unwrap();
    let left = survivors(&sign);
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn that_fork_two_hundred_children_at_the_stop() {
    survives_a_stop("brood 200");
}

#[test]
fn that_fork_generation_after_generation_into_sessions_of_their_own() {
    survives_a_stop("bomb 8");
}

#[test]
fn that_fork_on_and_on_and_never_stay() {
    for _ in 0..3 {
        // The chain would take long to end on its own.
        survives_a_stop("chain 200000");
    }
}

#[test]
fn that_fork_on_while_they_boot() {
    let dir = TempDir::new();
    let sign = dir.file("sign");
    let server = tcp(["chain", "200000", "record", &sign, "up"], "localhost")
        .timeout("2s")
        .stop_timeout("100ms");
    assert!(server.start().unwrap_err().is_timeout());
    assert_eq!(survivors(&sign), []);
}

#[test]
fn that_become_daemons_twice() {
    let dir = TempDir::new();
    let sign = dir.file("sign");
    let second = format!("setsid setsid {ACTOR} ignore record {sign} second & exec sleep 1000");
    let first = format!("setsid sh -c '{second}' & echo up; exec sleep 1000");
    let server = OutputCoordinatedExecutor::new(first, "up")
        .shell(true)
        .stop_timeout("100ms");
    server.start().unwrap();
    eventually("the second one is there", || {
        std::path::Path::new(&sign).exists()
    });
    server.stop().unwrap();
    assert_eq!(survivors(&sign), []);
}

#[test]
fn that_close_all_descriptors() {
    let server = tcp(["close-all", "listen", "127.0.0.1:{port}"], "localhost");
    server.start().unwrap();
    // The output has ended, but the program has not.
    assert_eq!(server.output(), b"");
    assert!(
        server
            .wait_for_output("never", "20ms")
            .unwrap_err()
            .is_timeout()
    );
    assert!(server.is_running());
    server.stop().unwrap();
}

#[test]
fn that_kill_their_own_group() {
    let server = OutputCoordinatedExecutor::new(actor(["boot", "20", "kill-group"]), "up");
    let error = server.start().unwrap_err().to_string();
    assert!(
        error.starts_with("actor was killed by SIGKILL before it became ready"),
        "{error}"
    );
}

#[test]
fn that_kill_their_guard_take_nobody_but_themselves() {
    let _warden = with_the_warden();
    let dir = TempDir::new();
    let sign = dir.file("sign");
    let stranger = format!("ignore record {sign} stranger");
    let script = actor([
        "daemon",
        &stranger,
        "await",
        &sign,
        "boot",
        "20",
        "kill-ancestor",
        "1",
    ]);
    let server = OutputCoordinatedExecutor::new(script, "never").timeout("1h");
    let error = server.start().unwrap_err().to_string();
    assert!(
        error.starts_with("actor was lost before it became ready: its guard died"),
        "{error}"
    );
    // The warden ends the remaining processes, though no process waits for it.
    eventually("the daemon is gone too", || survivors(&sign).is_empty());
    // Other processes still work.
    let other = SimpleExecutor::new("sleep 1000");
    other.start().unwrap();
    assert!(other.is_running());
}

#[test]
fn that_kill_the_warden_change_nothing() {
    let _warden = against_the_warden();
    let bystander = SimpleExecutor::new("sleep 1000");
    bystander.start().unwrap();
    let script = actor(["kill-ancestor", "2", "say", "up"]);
    let server = OutputCoordinatedExecutor::new(script, "^up$");
    server.start().unwrap();
    let next = SimpleExecutor::new("sleep 1000");
    next.start().unwrap();
    assert!(bystander.is_running() && server.is_running() && next.is_running());
    server.stop().unwrap();
}

#[test]
fn that_call_themselves_so_that_proc_can_hardly_be_read() {
    let server = tcp(
        ["rename", "a) Z 1 (b c", "listen", "127.0.0.1:{port}"],
        "localhost",
    );
    server.start().unwrap();
    let life = Life::of(server.id().unwrap()).unwrap();
    server.paused(|| ()).unwrap();
    server.stop().unwrap();
    assert!(!life.goes_on());
}

#[test]
fn that_become_another_user() {
    needs!(root);
    let server = tcp(
        ["user", "65534", "listen", "127.0.0.1:{port}", "ignore"],
        "localhost",
    )
    .stop_timeout("50ms");
    server.start().unwrap();
    let life = Life::of(server.id().unwrap()).unwrap();
    server.stop().unwrap();
    assert!(!life.goes_on());
}

#[test]
fn that_gain_privileges_of_which_their_owner_has_none() {
    needs!(root);
    // The user `nobody` can neither read the descriptors of `su` nor signal it, because `su` is
    // set-uid.
    run_as_nobody("hostile::run_by_another_as_nobody", "");
}

pub(crate) fn run_as_nobody(test: &str, roots: &str) -> String {
    let run = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("TMPDIR", std::env::temp_dir())
        .env("SUMMON_TESTS_ROOTS", roots)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(
        run.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&run.stderr)
    );
    assert!(said.contains("1 passed"), "{said}");
    said
}

#[test]
#[ignore = "another test runs it, as a user without privileges"]
fn run_by_another_as_nobody() {
    // `su` asks for a password and waits.
    let su = SimpleExecutor::new(["su", "-c", "true", "root"])
        .stdin(summon::Stdin::piped())
        .stop_timeout("200ms");
    su.start().unwrap();
    assert!(su.wait("300ms").is_err(), "it should wait for the password");
    let pid = su.id().unwrap();
    assert!(
        std::fs::read_dir(format!("/proc/{pid}/fd")).is_err(),
        "it has no privileges"
    );
    // The guard is the parent of `su`, but can't signal it either. The stop ends at a limit.
    let began = Instant::now();
    let stopped = su.stop();
    assert!(began.elapsed() < Duration::from_secs(40));
    drop(stopped);
}

#[test]
fn that_halt_before_they_are_ready() {
    let script = actor(["halt", "say", "up"]);
    let expected = "it is halted (SIGSTOP)";
    let error = error_at_limit(expected, |limit| {
        let server = OutputCoordinatedExecutor::new(&*script, "up");
        server.timeout(limit).start().unwrap_err()
    });
    assert!(error.contains(expected), "{error}");
    assert!(error.starts_with("actor was not ready within "), "{error}");
}

#[test]
fn that_halt_when_they_should_end() {
    survives_a_stop("halt-at-term");
}

#[test]
fn that_listen_and_exit() {
    for _ in 0..20 {
        let server = tcp(["listen", "127.0.0.1:{port}", "exit", "0"], "localhost").timeout("1h");
        match server.start() {
            // The connection existed for a moment.
            Ok(()) => assert!(server.wait("20s").unwrap().success()),
            Err(error) => {
                let status = error.exit_status();
                assert_eq!(status.and_then(|it| it.code()), Some(0), "{error}");
            }
        }
    }
}

#[test]
fn that_listen_and_never_accept() {
    let server = tcp(["deaf", "127.0.0.1:{port}"], "localhost");
    server.start().unwrap();
    let url = "http://127.0.0.1:{port}/";
    let expected = "it accepts the connection, but does not answer within";
    let error = error_at_limit(expected, |limit| {
        let http = HttpCoordinatedExecutor::new(actor(["deaf", "127.0.0.1:{port}"]), url);
        http.timeout(limit).start().unwrap_err()
    });
    assert!(error.contains(expected), "{error}");
}

#[test]
fn that_answer_without_an_end() {
    let url = "http://127.0.0.1:{port}/";
    let http = |head: &str| {
        let script = actor(["endless", "127.0.0.1:{port}", head]);
        HttpCoordinatedExecutor::new(script, url).timeout("5s")
    };
    // The probe ignores everything after the first line.
    http("HTTP/1.1 200 OK;X: ").start().unwrap();
    let error = http("HTTP/1.1 2").start().unwrap_err().to_string();
    assert!(error.contains("it answers, but not with HTTP"), "{error}");
}

#[test]
fn that_send_you_elsewhere() {
    let script = actor(["http", "127.0.0.1:{port}", "302"]);
    let error = error_at_limit("it answers 302", |limit| {
        let url = "http://127.0.0.1:{port}/";
        let server = HttpCoordinatedExecutor::new(script.clone(), url).timeout(limit);
        server.start().unwrap_err()
    });
    assert!(
        error.contains("it answers 302") && error.contains("summon does not follow redirects"),
        "{error}"
    );
}

#[test]
fn that_die_of_every_signal() {
    for signal in [
        Signal::ABRT,
        Signal::SEGV,
        Signal::USR1,
        Signal::HUP,
        Signal::QUIT,
    ] {
        let server = OutputCoordinatedExecutor::new(actor(["say", "up"]), "up");
        server.start().unwrap();
        let status = server.crash(signal).unwrap();
        assert!(!status.success(), "{signal}");
    }
}

#[test]
fn guards_have_no_descriptor_of_each_other() {
    let one = Coordinated::with(actor(["unix", "{dir}/s"]), probe::unix("{dir}/s"));
    let two = SimpleExecutor::new("sleep 1000").stdin(summon::Stdin::piped());
    let both: [&Process; 2] = [&one, &two];
    both.iter().for_each(|process| process.start().unwrap());
    for process in both {
        // The guard is the parent of the service, so the family has two members.
        let lives = family(parent(process.id().unwrap()));
        assert_eq!(lives.len(), 2);
    }
    // The input ends with the handle, so no other process holds the other end.
    two.close_stdin().unwrap();
}
