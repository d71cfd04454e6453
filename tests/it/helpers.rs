//! Commands before, during, and after the stop of a process.

use std::process::{Command, Stdio};

use summon::{OutputCoordinatedExecutor, Process, SimpleExecutor, summon};

use crate::support::{ACTOR, Group, Life, TempDir, actor, eventually, recorded};

#[summon(
    output = [ACTOR, "await", "{dir}/ready", "say", "up"],
    banner = "up",
    before = "mkdir {dir}/data",
    before = ["sh", "-c", "test -d $0/data && echo > $0/ready", "{dir}"],
)]
#[test]
fn commands_before_it_run_one_after_the_other_and_once(server: &Process) {
    // A second `mkdir` would fail.
    server.restart().unwrap();
}

#[test]
fn a_command_before_it_that_fails_is_told_with_what_it_said() {
    let server = SimpleExecutor::new("sleep 1000").before("sh -c 'echo no disk >&2; exit 4'");
    let error = server.start().unwrap_err().to_string();
    let headline = "sleep could not be started: `sh -c 'echo no disk >&2; exit 4'`, which runs before it, exited with code 4\n";
    assert!(error.starts_with(headline), "{error}");
    assert!(error.contains("\n  it said   no disk"), "{error}");
    let missing = SimpleExecutor::new("sleep 1")
        .before("no-such-program")
        .start()
        .unwrap_err();
    assert!(
        missing
            .to_string()
            .contains("which runs before it, can't be run: "),
        "{missing}"
    );
}

#[test]
fn a_command_before_it_is_bounded_and_leaves_nothing() {
    let dir = TempDir::new();
    let child = format!("record {} child", dir.file("pids"));
    let server = SimpleExecutor::new("sleep 1000")
        .before(actor([
            "stranger",
            &child,
            "say",
            "waits for a lock",
            "wait",
        ]))
        .timeout("2s");
    let error = server.start().unwrap_err();
    assert!(error.is_timeout());
    let text = error.to_string();
    assert!(
        text.contains("which runs before it, did not end in time"),
        "{text}"
    );
    assert!(text.contains("\n  it said   waits for a lock"), "{text}");
    assert!(
        text.contains("\n  limit     2s for its start, this command included; `timeout`"),
        "{text}"
    );
    let text = std::fs::read_to_string(dir.file("pids")).unwrap();
    let pid = text.trim().rsplit(' ').next().unwrap().parse().unwrap();
    let lives = || Life::of(pid).is_some_and(|life| life.what.contains(&child));
    eventually("what it started is gone", || !lives());
}

#[test]
fn a_start_can_be_given_up_while_a_command_comes_before_it() {
    // Other runs of this test have guards, too.
    let name = format!("before-{}", std::process::id());
    let server = SimpleExecutor::new("sleep 1000")
        .named(&name)
        .before("sleep 1000")
        .timeout("2m");
    std::thread::scope(|threads| {
        let starting = threads.spawn(|| server.start());
        let guarded = || {
            let found = Command::new("pgrep")
                .args(["-fc", &format!("summon-guard: sleep for {name}")])
                .output();
            String::from_utf8(found.unwrap().stdout).unwrap().trim() != "0"
        };
        eventually("the command runs", guarded);
        server.stop().unwrap();
        let error = starting.join().unwrap().unwrap_err();
        assert!(
            error
                .to_string()
                .contains("was stopped before it became ready"),
            "{error}"
        );
    });
}

#[test]
fn a_command_after_it_runs_when_nothing_is_left() {
    let dir = TempDir::new();
    let script = actor(["farewell", &dir.file("record"), "bye", "say", "up"]);
    let server = OutputCoordinatedExecutor::new(script, "up")
        .after_stop(["sh", "-c", "echo after $WHO >> $0", &dir.file("record")])
        .env("WHO", "all");
    server.start().unwrap();
    server.stop().unwrap();
    assert_eq!(recorded(&dir.file("record")), ["bye", "after"]);
    let failing = SimpleExecutor::new("sleep 1000").after_stop("sh -c 'echo still there; exit 3'");
    failing.start().unwrap();
    let error = failing.stop().unwrap_err().to_string();
    assert!(
        error.contains("which runs after sleep, exited with code 3"),
        "{error}"
    );
    assert!(error.contains("\n  it said   still there"), "{error}");
    assert!(!failing.is_running());
}

#[test]
fn a_stop_command_asks_it_to_end() {
    let dir = TempDir::new();
    // TERM would add a line to the record.
    let script = actor([
        "farewell",
        &dir.file("record"),
        "term",
        "await",
        "{dir}/stop",
        "exit",
        "0",
    ]);
    let server = SimpleExecutor::new(script).stop_command("touch {dir}/stop");
    server.start().unwrap();
    server.stop().unwrap();
    assert_eq!(recorded(&dir.file("record")), [""; 0]);
}

#[test]
fn a_stop_command_that_fails_is_followed_by_the_signal() {
    let dir = TempDir::new();
    let script = || actor(["farewell", &dir.file("record"), "term", "say", "up"]);
    for command in ["sh -c 'echo no such server; exit 1'", "no-such-program"] {
        let server = OutputCoordinatedExecutor::new(script(), "up")
            .stop_command(command)
            .stop_timeout("1h");
        server.start().unwrap();
        server.stop().unwrap();
        // The log contains the output of the command.
        let said = String::from_utf8(server.output()).unwrap();
        assert_eq!(
            said.contains("no such server"),
            command.starts_with("sh"),
            "{said}"
        );
    }
    assert_eq!(recorded(&dir.file("record")), ["term", "term"]);
}

#[test]
fn a_stop_command_that_hangs_is_killed_with_the_rest() {
    let server = SimpleExecutor::new("sleep 1000")
        .stop_command("sleep 1001")
        .stop_timeout("100ms");
    server.start().unwrap();
    server.stop().unwrap();
}

#[test]
#[ignore = "another test runs it, and kills it"]
fn run_by_another_and_waits_to_be_killed() {
    let record = std::env::var("RECORD").unwrap();
    let script = actor([
        "say",
        "up",
        "await",
        "{dir}/stop",
        "record",
        &record,
        "stopped",
        "exit",
        "0",
    ]);
    let server = OutputCoordinatedExecutor::new(script, "up")
        .stop_command("touch {dir}/stop")
        .after_stop(["sh", "-c", "echo after >> $0", &record]);
    server.start().unwrap();
    std::fs::write(format!("{record}.ready"), "").unwrap();
    loop {
        std::thread::park();
    }
}

#[test]
fn the_guard_runs_commands_for_the_end_also_for_a_dead_owner() {
    let dir = TempDir::new();
    let record = dir.file("record");
    let mut owner = Command::new(std::env::current_exe().unwrap());
    owner
        .args([
            "--exact",
            "helpers::run_by_another_and_waits_to_be_killed",
            "--ignored",
        ])
        .env("RECORD", &record)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut owner = Group::spawn(&mut owner);
    eventually("its process is ready", || {
        std::path::Path::new(&format!("{record}.ready")).exists()
    });
    owner.kill().unwrap();
    owner.wait().unwrap();
    eventually("both have run", || {
        recorded(&record) == ["stopped", "after"]
    });
}
