//! A test fails if its service writes a line that it must not write, and nobody else's test does.

mod allowances;
mod floods;

use std::panic::{AssertUnwindSafe, catch_unwind};

use summon::servers::Redis;
use summon::{
    Executor, Fixture, HttpCoordinatedExecutor, OutputCoordinatedExecutor, Process, SimpleExecutor,
    Stdin, orchestrated, summon,
};

use crate::support::{ACTOR, Group, actor, eventually, tcp};

/// Returns a program that repeats its input.
fn echo() -> SimpleExecutor {
    SimpleExecutor::new("cat")
        .named("echo")
        .stdin(Stdin::piped())
}

/// Returns the report of a program that writes this text, or nothing if it may.
fn judged(server: &Process, text: &str) -> Option<String> {
    server.start().unwrap();
    server.write_stdin(text).unwrap();
    server.write_stdin("\nall of it\n").unwrap();
    server.wait_for_output("^all of it$", "20s").unwrap();
    server.stop().err().map(|error| error.to_string())
}

fn is_forbidden(pattern: &str, text: &str) -> bool {
    judged(&echo().never(pattern), text).is_some()
}

#[test]
fn a_stop_by_hand_returns_the_line_and_the_lines_around_it() {
    let server = echo().never("ERROR|FATAL").never("out of");
    let text = "one\ntwo\nERROR: no cheese\nthree\nFATAL\nout of wine";
    let report = judged(&server, text).unwrap();
    let headline = "echo wrote a line that `never` forbids\n  declared  tests/it/never.rs:";
    assert!(report.starts_with(headline), "{report}");
    let fact = "\n  never     `ERROR: no cheese` matches `ERROR|FATAL`, 0.";
    assert!(report.contains(fact), "{report}");
    assert!(
        report.contains(" s before its test ended\n            2 more such lines came later\n")
    );
    let around = "\n            | one\n            | two\n            > ERROR: no cheese\n            | three\n";
    assert!(report.contains(around), "{report}");
    assert!(!server.is_running());
    // A stop that finds nothing new is fine, and so is the next life of the process.
    server.stop().unwrap();
    assert_eq!(judged(&server, "fine"), None);
}

#[test]
fn every_executor_has_the_option() {
    let never = "no such line";
    drop(tcp(["listen", "127.0.0.1:{port}"], "127.0.0.1").never(never));
    drop(HttpCoordinatedExecutor::new("true", "http://localhost/").never(never));
    drop(OutputCoordinatedExecutor::new("true", "up").never(never));
    drop(Redis::new().never(never));
    let wrong = SimpleExecutor::new("true").never("(").start().unwrap_err();
    assert!(
        wrong.to_string().contains("could not be started: `never` "),
        "{wrong}"
    );
    let wrong = SimpleExecutor::new("true").never("x*").start().unwrap_err();
    let why = "`never` has `x*`, which matches the empty line";
    assert!(wrong.to_string().contains(why), "{wrong}");
}

#[test]
fn a_line_is_what_a_terminal_shows() {
    assert!(is_forbidden(
        "^ERROR: no cheese$",
        "\x1b[31mERROR\x1b[0m: no cheese"
    ));
    assert!(is_forbidden("^ERROR$", "10%\rERROR\r100%"));
    assert!(!is_forbidden("ERROR", "ERR\nOR"));
}

#[test]
fn bytes_long_lines_and_chunk_edges_are_searched() {
    // A chunk has 256 KiB.
    for filler in [(256 << 10) - 3, 3 << 20] {
        let text = format!("{}\n{}ERROR", "x".repeat(filler), "y".repeat(100));
        assert!(is_forbidden("ERROR", &text), "after {filler} bytes");
    }
    let script = actor([
        "long-line",
        "1000000",
        "prompt",
        "ERROR",
        "bytes",
        "ff00",
        "say",
        " here",
        "say",
        "up",
    ]);
    let server = OutputCoordinatedExecutor::new(script, "^up$").never(r"ERROR\xff\x00 here");
    server.start().unwrap();
    let report = server.stop().unwrap_err().to_string();
    assert!(report.lines().all(|line| line.len() < 2000), "{report}");
}

#[test]
fn an_unfinished_last_line_counts_as_it_is() {
    let server = OutputCoordinatedExecutor::new(actor(["say", "up", "prompt", "an (ERROR)"]), "up")
        .never("(ERROR).$");
    server.start().unwrap();
    server.wait_for_output("an .ERROR", "20s").unwrap();
    assert!(server.stop().is_err());
}

#[test]
fn output_from_before_readiness_counts_and_output_of_the_stop_does_not() {
    let script = "trap 'echo ERROR at the end; exit 0' TERM; echo up; while :; do sleep 0.01; done";
    let late = OutputCoordinatedExecutor::new(["sh", "-c", script], "^up$").never("ERROR");
    late.start().unwrap();
    late.stop().unwrap();
    assert!(late.output().ends_with(b"ERROR at the end\n"));
    let script = actor(["say", "ERROR", "say", "up"]);
    let early = OutputCoordinatedExecutor::new(script, "^up$").never("ERROR");
    early.start().unwrap();
    assert!(early.stop().is_err());
}

#[test]
fn streams_that_are_kept_apart_have_lines_of_their_own() {
    let script = actor([
        "prompt", "ERR", "complain", "OR", "say", "OR", "complain", "up",
    ]);
    let run = |pattern: &str| {
        let server = OutputCoordinatedExecutor::new(&script[..], "^up$")
            .split_output(true)
            .never(pattern);
        server.start().unwrap();
        server.stop()
    };
    let report = run("ERROR").unwrap_err().to_string();
    assert!(report.contains("`ERROR` matches"), "{report}");
    run("ERROR.").unwrap();
    assert!(run("^OR$").is_err());
}

#[test]
fn a_scope_returns_the_line_and_its_drop_panics() {
    let server = || {
        OutputCoordinatedExecutor::new(actor(["say", "ERROR", "say", "up"]), "^up$").never("ERROR")
    };
    let error = orchestrated(server()).unwrap().stop().unwrap_err();
    assert!(
        error.to_string().contains("`ERROR` matches `ERROR`"),
        "{error}"
    );
    for panics in [
        catch_unwind(|| drop(orchestrated(server()).unwrap())),
        catch_unwind(|| {
            let server = server();
            server.start().unwrap();
        }),
    ] {
        let text = *panics.unwrap_err().downcast::<String>().unwrap();
        assert!(text.contains("`ERROR` matches `ERROR`"), "{text}");
    }
}

#[test]
fn a_start_returns_the_line_of_a_launch_that_no_stop_has_judged() {
    let ends: [fn(&Process); 2] = [
        |server| server.kill().unwrap(),
        |server| {
            server.close_stdin().unwrap();
            eventually("its end", || !server.is_running());
        },
    ];
    for end in ends {
        let server = echo().never("ERROR");
        server.start().unwrap();
        server.write_stdin("ERROR\n").unwrap();
        server.wait_for_output("^ERROR$", "20s").unwrap();
        end(&server);
        let error = server.start().unwrap_err().to_string();
        assert!(error.contains("`ERROR` matches `ERROR`"), "{error}");
        assert!(!server.is_running());
        // The next launch has a window of its own.
        server.start().unwrap();
        server.stop().unwrap();
    }
}

#[test]
fn a_start_of_a_cluster_returns_the_line_of_a_node_that_was_killed() {
    let cluster = echo().never("ERROR").nodes(2);
    cluster.start().unwrap();
    cluster[1].write_stdin("ERROR\n").unwrap();
    cluster[1].wait_for_output("^ERROR$", "20s").unwrap();
    cluster.kill().unwrap();
    let error = cluster.start().unwrap_err().to_string();
    let headline = "echo-1 wrote a line that `never` forbids";
    assert!(error.starts_with(headline), "{error}");
    assert!(cluster.iter().all(|node| !node.is_running()));
}

#[test]
fn lines_are_allowed_while_a_part_of_the_test_runs() {
    let server = echo().never("ERROR").never("FATAL");
    let say = |text: &str| {
        let mark = server.mark();
        server.write_stdin(text).unwrap();
        mark.wait_for_output(text.trim_end(), "20s").unwrap();
    };
    let run = |body: &dyn Fn()| {
        server.start().unwrap();
        body();
        server.stop()
    };
    run(&|| server.allows("ERROR", || say("ERROR 1\n"))).unwrap();
    // Several at once, and one in the other.
    run(&|| {
        server.allows("ERROR", || {
            let _allowed = server.allowing("FATAL");
            say("ERROR FATAL 2\n");
            say("FATAL 2\n");
        });
    })
    .unwrap();
    // Before, after, and of another kind.
    for (before, meanwhile, after) in [
        ("ERROR 3\n", "ok 3\n", "ok 3\n"),
        ("ok 4\n", "FATAL 4\n", "ok 4\n"),
        ("ok 5\n", "ERROR 5\n", "ERROR 5\n"),
    ] {
        let stopped = run(&|| {
            say(before);
            server.allows("ERROR", || say(meanwhile));
            say(after);
        });
        let report = stopped.unwrap_err().to_string();
        assert!(!report.contains("more such line"), "{report}");
    }
    // The report shows the line that was not allowed, and not its twin.
    let stopped = run(&|| {
        server.allows("ERROR", || say("ERROR 6\n"));
        say("behind\n");
        say("ERROR 6\n");
    });
    let report = stopped.unwrap_err().to_string();
    assert!(
        report.contains("| behind\n            > ERROR 6"),
        "{report}"
    );
    // A panic ends it.
    let stopped = run(&|| {
        let body = AssertUnwindSafe(|| server.allows("ERROR", || panic!("on purpose")));
        assert!(catch_unwind(body).is_err());
        say("ERROR 7\n");
    });
    assert!(stopped.is_err());
}

#[test]
fn lines_of_a_program_that_starts_meanwhile_are_allowed() {
    let script = actor(["say", "ERROR", "say", "up"]);
    let server = OutputCoordinatedExecutor::new(script, "^up$").never("ERROR");
    server.allows("ERROR", || server.start()).unwrap();
    server.allows("ERROR", || server.restart()).unwrap();
    server.stop().unwrap();
    server.start().unwrap();
    assert!(server.stop().is_err());
}

#[test]
#[should_panic(expected = "echo can't allow lines: `(` ")]
fn a_pattern_that_is_none_is_not_allowed() {
    echo().allows("(", || ());
}

#[test]
fn false_removes_all_patterns_and_true_means_panics() {
    let panic = "thread 'main' panicked at src/main.rs:3:5:\nout of cheese";
    let numbered = "thread '<unnamed>' (72) panicked at src/main.rs:3:5:\nout of cheese";
    assert_eq!(judged(&echo().never("panicked").never(false), panic), None);
    assert!(judged(&echo().never(true), panic).is_some());
    let report = judged(&echo().never(true), numbered).unwrap();
    assert!(
        report.contains("`never = false` allows all panics"),
        "{report}"
    );
    assert!(
        report.contains("\n            | out of cheese\n"),
        "{report}"
    );
    assert_eq!(judged(&echo(), panic), None);
}

#[summon::fixture(output = [ACTOR, "say", "ERROR", "say", "up", "serve", "{dir}"], banner = "^up$", never = "ERROR")]
static SHARED: Fixture;

fn provoke(shared: &Process, text: &str) {
    std::fs::write(shared.dir().join("line"), format!("{text}\n")).unwrap();
    shared.wait_for_output(text, "20s").unwrap();
}

#[test]
fn a_fixture_answers_for_what_it_writes_during_the_test() {
    fn uses(body: impl Fn(&Process)) -> Option<String> {
        #[summon(fixture = SHARED)]
        fn test(body: &dyn Fn(&Process), shared: &Process) {
            body(shared);
        }
        let ended = catch_unwind(AssertUnwindSafe(|| test(&body)));
        ended.err().map(|it| *it.downcast::<String>().unwrap())
    }
    assert_eq!(uses(|_| ()), None);
    provoke(&SHARED, "ERROR between two tests");
    assert_eq!(uses(|_| ()), None);
    let report = uses(|it| provoke(it, "ERROR of this test")).unwrap();
    assert!(
        report.contains("never     `ERROR of this test` matches `ERROR`"),
        "{report}"
    );
    assert_eq!(
        uses(|it| it.allows("ERROR", || provoke(it, "ERROR that is allowed"))),
        None
    );
    // What one test allows is allowed for the others.
    let ended = uses(|it| {
        uses(|it| it.allows("ERROR", || provoke(it, "ERROR of the inner test")));
        provoke(it, "nothing");
    });
    assert_eq!(ended, None);
    assert!(uses(|it| provoke(it, "ERROR of the last test")).is_some());
}

/// An executor of a user, which wraps another one.
struct Wrapped(SimpleExecutor);

impl Executor for Wrapped {
    fn start(&self) -> Result<(), summon::Error> {
        self.0.start()
    }

    fn stop(&self) -> Result<(), summon::Error> {
        self.0.stop()
    }

    fn process(&self) -> Option<&Process> {
        Some(&self.0)
    }
}

#[test]
fn an_executor_that_wraps_another_one_passes_the_error_on() {
    let wrapped = Wrapped(echo().never("ERROR"));
    let scope = orchestrated(&wrapped).unwrap();
    wrapped.0.write_stdin("ERROR\n").unwrap();
    wrapped.0.wait_for_output("ERROR", "20s").unwrap();
    assert!(scope.stop().is_err());
}

/// Panics as it should, and fails: its server has written the line.
#[summon(output = [ACTOR, "say", "ERROR", "say", "up"], banner = "^up$", never = "ERROR")]
#[tokio::test]
#[should_panic]
#[ignore = "another test runs it, and reads what it says"]
async fn run_by_another_and_panics_on_purpose() {
    tokio::task::yield_now().await;
    panic!("on purpose");
}

/// Passes.
#[summon(output = [ACTOR, "say", "ERROR", "say", "up"], banner = "^up$")]
#[tokio::test]
#[should_panic(expected = "on purpose")]
async fn an_async_test_may_panic_on_purpose() {
    tokio::task::yield_now().await;
    panic!("on purpose");
}

#[test]
fn an_async_test_that_panics_on_purpose_fails_with_the_line() {
    let run = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact"])
        .arg("never::run_by_another_and_panics_on_purpose")
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(!run.status.success(), "{said}");
    for part in ["`ERROR` matches `ERROR`", "test did not panic as expected"] {
        assert!(said.contains(part), "{said}");
    }
}

#[summon::fixture(
    output = [ACTOR, "say", "ERROR", "say", "up", "serve", "{dir}"],
    banner = "^up$",
    never = "ERROR",
    scope = "run"
)]
static OF_THE_RUN: Fixture;

/// Waits until a file exists.
fn until(file: &std::path::Path) {
    eventually("the other test process goes on", || file.exists());
}

#[summon(fixture = OF_THE_RUN)]
#[test]
#[ignore = "another test runs it, and reads what it says"]
fn run_by_another_and_looks_on(server: &Process) {
    std::fs::write(server.dir().join("begun"), "").unwrap();
    until(&server.dir().join("over"));
}

#[test]
fn a_line_that_one_test_process_allows_is_allowed_in_the_others() {
    let server: &Process = &OF_THE_RUN;
    let other = || {
        let dir = server.dir();
        let _ = std::fs::remove_file(dir.join("begun"));
        let _ = std::fs::remove_file(dir.join("over"));
        let mut run = std::process::Command::new(std::env::current_exe().unwrap());
        run.args(["--ignored", "--exact", "never::run_by_another_and_looks_on"]);
        let run = Group::spawn(run.stdout(std::process::Stdio::null()));
        until(&dir.join("begun"));
        run
    };
    let end = |mut run: Group| {
        std::fs::write(server.dir().join("over"), "").unwrap();
        run.wait().unwrap().success()
    };
    let allows = server.allowing("ERROR 1");
    let run = other();
    provoke(server, "ERROR 1");
    drop(allows);
    server.allows("ERROR", || provoke(server, "ERROR 2"));
    assert!(end(run), "the lines were allowed");
    let run = other();
    provoke(server, "ERROR 3");
    assert!(!end(run), "the line was not allowed");
}
