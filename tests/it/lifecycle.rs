//! Processes that are restarted, halted, crashed, and stopped on purpose.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::time::{Duration, Instant};

use summon::{
    Coordinated, OutputCoordinatedExecutor, Process, Signal, SimpleExecutor, Stdin,
    TcpCoordinatedExecutor, probe, summon,
};

use crate::needs::needs;
use crate::support::{
    ACTOR, REFUSE, TempDir, WITHOUT_PIDFDS, actor, actor_whose_name_is_no_text, eventually, family,
    recorded, state,
};

#[test]
fn pausing_halts_the_whole_tree_and_lets_it_go_on() {
    let script = actor([
        "child", "say one", "stranger", "say two", "boot", "20", "say", "three",
    ]);
    let server = OutputCoordinatedExecutor::new(script, "one|two|three").times(3);
    server.start().unwrap();
    let lives = family(server.id().unwrap());
    assert_eq!(lives.len(), 3);
    let seen = server.paused(|| lives.iter().map(|life| state(life.pid)).collect::<String>());
    assert_eq!(seen.unwrap(), "TTT");
    assert!(lives.iter().all(|life| state(life.pid) != 'T'));
    let panics =
        AssertUnwindSafe(|| drop(server.paused(|| panic!("this panic is part of a test"))));
    assert!(catch_unwind(panics).is_err());
    assert!(lives.iter().all(|life| state(life.pid) != 'T'));
}

#[test]
fn without_pidfds_pausing_halts_the_whole_tree_too() {
    let test = "lifecycle::pausing_halts_the_whole_tree_and_lets_it_go_on";
    let mut below = Command::new(REFUSE);
    below
        .args(WITHOUT_PIDFDS)
        .arg(std::env::current_exe().unwrap());
    let ran = below.args(["--exact", test]).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
fn pausing_halts_processes_whose_names_are_no_text() {
    let dir = TempDir::new();
    let script = [
        actor_whose_name_is_no_text(&dir),
        "stranger".into(),
        "say up".into(),
    ];
    let server = OutputCoordinatedExecutor::new(script, "up");
    server.start().unwrap();
    let lives = family(server.id().unwrap());
    assert_eq!(lives.len(), 2);
    let seen = server.paused(|| lives.iter().map(|life| state(life.pid)).collect::<String>());
    assert_eq!(seen.unwrap(), "TT");
}

#[test]
fn what_is_paused_can_be_stopped() {
    let server =
        OutputCoordinatedExecutor::new(actor(["stranger", "say up"]), "up").stop_timeout("1h");
    server.start().unwrap();
    let lives = family(server.id().unwrap());
    server.paused(|| server.stop().unwrap()).unwrap_err();
    assert!(lives.iter().all(|life| !life.goes_on()));
}

#[test]
fn a_crash_is_one_of_the_program_alone() {
    let server = OutputCoordinatedExecutor::new(actor(["child", "say up"]), "up");
    server.start().unwrap();
    let port = server.port();
    let lives = family(server.id().unwrap());
    let status = server.crash(Signal::SEGV).unwrap();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(11)
    );
    assert!(!server.is_running() && lives[1].goes_on());
    server.start().unwrap();
    assert!(server.is_running() && !lives[1].goes_on());
    assert_eq!(server.port(), port);
}

#[test]
fn a_crash_that_does_not_come_is_an_error() {
    let server =
        OutputCoordinatedExecutor::new(actor(["ignore", "say", "up"]), "up").stop_timeout("50ms");
    server.start().unwrap();
    let error = server.crash(Signal::TERM).unwrap_err();
    assert!(error.is_timeout());
    assert!(
        error
            .to_string()
            .starts_with("actor did not die of SIGTERM within 50ms\n"),
        "{error}"
    );
    assert!(server.is_running());
}

#[test]
fn orphans_of_a_program_that_has_ended_are_no_zombies() {
    let dir = TempDir::new();
    let (pids, go) = (dir.file("pids"), dir.file("go"));
    let orphan = format!("record {pids} orphan await {go} exit 0");
    let script = (0..20).flat_map(|_| ["daemon".to_owned(), orphan.clone()]);
    let server = SimpleExecutor::new([ACTOR])
        .args(script)
        .args(["exit", "3"]);
    server.start().unwrap();
    let leader = server.id();
    assert_eq!(server.wait("20s").unwrap().code(), Some(3));
    eventually("all have begun", || recorded(&pids).len() == 20);
    let text = std::fs::read_to_string(&pids).unwrap();
    let orphans: Vec<_> = text
        .lines()
        .map(|line| format!("/proc/{}", line.strip_prefix("orphan ").unwrap()))
        .collect();
    std::fs::write(&go, "").unwrap();
    for orphan in orphans {
        eventually("it is reaped", || !std::path::Path::new(&orphan).exists());
    }
    // While the test may still signal the program, the program stays a zombie, so its pid can't be
    // reused.
    if let Some(leader) = leader {
        assert_eq!(state(leader), 'Z');
    }
    server.stop().unwrap();
}

#[summon(
    output = "sh -c 'cat; exec sleep 1000'",
    banner = "^two$",
    stdin = "one\ntwo\n"
)]
#[test]
fn reads_a_text(cat: &Process) {
    assert_eq!(cat.output(), b"one\ntwo\n");
}

#[test]
fn reads_a_text_that_is_longer_than_a_pipe_anew_at_each_start() {
    let text = "a line of a long text\n".repeat(20_000);
    let cat = SimpleExecutor::new("cat").stdin(text.as_str());
    cat.start().unwrap();
    assert!(cat.wait("20s").unwrap().success());
    assert_eq!(cat.output().len(), text.len());
    cat.start().unwrap();
    assert!(cat.wait("20s").unwrap().success());
    assert_eq!(cat.output().len(), 2 * text.len());
}

#[test]
fn reads_a_file_or_says_that_it_can_not() {
    let cat = SimpleExecutor::new("cat").stdin(Stdin::file("{dir}/in"));
    std::fs::write(cat.dir().join("in"), "from a file\n").unwrap();
    cat.start().unwrap();
    cat.wait("20s").unwrap();
    assert_eq!(cat.output(), b"from a file\n");
    let missing = SimpleExecutor::new("cat")
        .stdin(Stdin::file("/no/such/file"))
        .start();
    let error = missing.unwrap_err().to_string();
    assert!(
        error.contains("its standard input can't be opened: /no/such/file: "),
        "{error}"
    );
}

#[test]
fn reads_what_the_test_writes_until_it_ends() {
    let cat = SimpleExecutor::new("cat").stdin(Stdin::piped());
    assert!(cat.write_stdin("too early").is_err());
    cat.start().unwrap();
    cat.write_stdin("hello\n").unwrap();
    cat.wait_for_output("^hello$", "20s").unwrap();
    cat.write_stdin(vec![b'x'; 500_000]).unwrap();
    cat.close_stdin().unwrap();
    cat.close_stdin()
        .unwrap_or_else(|_| assert!(!cat.is_running()));
    assert!(cat.wait("20s").unwrap().success());
    assert_eq!(cat.output().len(), 6 + 500_000);
}

#[test]
fn a_program_that_does_not_read_is_not_waited_for_for_ever() {
    // The start has the same limit.
    let deaf = SimpleExecutor::new("sleep 1000")
        .stdin(Stdin::piped())
        .timeout("3s");
    deaf.start().unwrap();
    let error = deaf.write_stdin(vec![b'x'; 1 << 20]).unwrap_err();
    assert!(error.is_timeout());
    assert!(
        error.to_string().contains("it did not read within 3s"),
        "{error}"
    );
    let without = SimpleExecutor::new("sleep 1000");
    without.start().unwrap();
    let error = without.write_stdin("x").unwrap_err().to_string();
    assert!(
        error.contains("its input is closed, or not `Stdin::piped()`"),
        "{error}"
    );
}

#[test]
fn a_mark_parts_what_was_before_from_what_comes_after() {
    let cat = SimpleExecutor::new("cat").stdin(Stdin::piped());
    cat.start().unwrap();
    for round in 0..50 {
        cat.write_stdin(format!("GET /a {round}\n")).unwrap();
        cat.wait_for_output(&format!("GET /a {round}$"), "20s")
            .unwrap();
        let mark = cat.mark();
        cat.write_stdin(format!("GET /b {round}\n")).unwrap();
        let line = mark.wait_for_output("^GET", "20s").unwrap();
        assert_eq!(line, format!("GET /b {round}"));
    }
}

#[test]
fn output_has_what_was_written_before() {
    let dir = TempDir::new();
    // The program writes the record after the line, so the line is complete when the record exists.
    let server = SimpleExecutor::new(actor(["say", "up", "record", &dir.file("record"), "up"]));
    for _ in 0..20 {
        let _ = std::fs::remove_file(dir.file("record"));
        let before = server.output().len();
        server.start().unwrap();
        eventually("it has written", || {
            !recorded(&dir.file("record")).is_empty()
        });
        assert_eq!(server.output().len(), before + 3);
        server.stop().unwrap();
    }
}

#[summon(
    output = "sh -c 'echo at $(nice); exec sleep 100'",
    banner = "^at",
    nice = 15
)]
#[test]
fn a_process_is_as_nice_as_it_is_told(server: &Process) {
    assert_eq!(server.output(), b"at 15\n");
}

#[test]
fn a_lower_nice_value_needs_privileges() {
    needs!(root);
    crate::users::passes_as_nobody("lifecycle::run_by_another_with_a_lower_nice_value");
}

#[test]
#[ignore = "another test runs it, as a user without privileges"]
fn run_by_another_with_a_lower_nice_value() {
    let error = SimpleExecutor::new("sleep 100").nice(-5).start();
    let error = error.unwrap_err().to_string();
    let expected = "sleep could not be started: `nice = -5` can't be set: Permission denied";
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn files_have_the_permissions_of_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    let server =
        Coordinated::with(actor(["touch", "{dir}/f"]), probe::file("{dir}/f")).umask(0o027);
    server.start().unwrap();
    let mode = std::fs::metadata(server.dir().join("f"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn an_unexpected_exit_code_at_the_stop_is_an_error() {
    let trap =
        |code: u32| format!("trap 'exit {code}' TERM; echo up; while :; do sleep 0.01; done");
    let server = |code: u32| {
        OutputCoordinatedExecutor::new(trap(code), "up")
            .shell(true)
            .named("server")
    };
    for fine in [0, 128 + 15] {
        let server = server(fine);
        server.start().unwrap();
        server.stop().unwrap();
    }
    let odd = server(3);
    odd.start().unwrap();
    let error = odd.stop().unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("server exited with code 3 when it was stopped\n"),
        "{error}"
    );
    assert!(
        error.to_string().contains("allow it with `expect_exit`"),
        "{error}"
    );
    assert_eq!(error.exit_status().unwrap().code(), Some(3));
    assert!(!odd.is_running());
    let expected = server(3).expect_exit([0, 3]);
    expected.start().unwrap();
    expected.stop().unwrap();
    let other = server(0).expect_exit(1..=2);
    other.start().unwrap();
    assert!(other.stop().is_err());
}

#[test]
fn to_be_killed_is_no_exit_code() {
    let stubborn =
        OutputCoordinatedExecutor::new(actor(["ignore", "say", "up"]), "up").stop_timeout("50ms");
    stubborn.start().unwrap();
    stubborn.stop().unwrap();
}

#[test]
fn signals_go_to_the_program_alone_if_it_says_so() {
    let dir = TempDir::new();
    let (own, child) = (dir.file("own"), dir.file("child"));
    let script = format!("farewell {child} term say up");
    let run = |only: bool| {
        let words = actor(["farewell", &own, "term", "child", &script]);
        let server = OutputCoordinatedExecutor::new(words, "up")
            .signal_only_leader(only)
            .stop_timeout("3s");
        server.start().unwrap();
        server.stop().unwrap();
        [recorded(&own), recorded(&child)].map(|words| words.len())
    };
    assert_eq!(run(false), [1, 1]);
    // The second run adds a line for the leader alone. The child gets no signal until the grace
    // ends, and is killed then.
    assert_eq!(run(true), [2, 1]);
}

#[test]
fn of_a_log_that_is_too_long_both_ends_are_kept() {
    let script = actor([
        "say",
        "the beginning",
        "flood",
        "20000000",
        "say",
        "the end",
    ]);
    let server = OutputCoordinatedExecutor::new(script, "^the end$").log_limit("1MB");
    server.start().unwrap();
    let output = server.output();
    assert!(output.starts_with(b"the beginning\n") && output.ends_with(b"\nthe end\n"));
    assert!(output.len() < 1_500_000, "{}", output.len());
    let text = String::from_utf8(output).unwrap();
    assert!(text.contains("\n[summon has left out "), "it says so");
    // The search reads the log in place, and starts from its end.
    server.wait_for_output("^the beginning$", "1s").unwrap();
    let error = server
        .wait_for_output("never", "1ms")
        .unwrap_err()
        .to_string();
    assert!(error.ends_with("| the end"), "{error}");
    let log = error
        .lines()
        .find_map(|line| line.split_once("lines, "))
        .unwrap()
        .1
        .to_owned();
    let blocks = std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(&log).unwrap());
    assert!(blocks * 512 < 2_000_000, "{blocks} blocks");
    drop(server);
    // The kept log is closed up for readers: the file has no hole.
    let kept = std::fs::read_to_string(&log).unwrap();
    assert_eq!(kept, text);
    std::fs::remove_file(log).unwrap();
}

#[test]
fn a_size_that_is_none_is_told() {
    let error = SimpleExecutor::new("sleep 1")
        .log_limit("big")
        .start()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`big` is not a size; write, for example, `64MB`"),
        "{error}"
    );
}

#[test]
fn tcp_options_and_helpers_may_be_combined() {
    let began = Instant::now();
    let server = TcpCoordinatedExecutor::new(actor(["listen", "127.0.0.1:{port}"]), "localhost", 0)
        .before("true")
        .after_stop("true")
        .stdin(Stdin::null())
        .umask(0o077)
        .expect_exit(0);
    server.start().unwrap();
    server.stop().unwrap();
    assert!(began.elapsed() < Duration::from_secs(20));
}
