//! When a test fails, one message says why.

use std::collections::HashMap;

use summon::{
    Coordinated, HttpCoordinatedExecutor, OutputCoordinatedExecutor, SimpleExecutor,
    TcpCoordinatedExecutor, probe,
};

use crate::support::{ACTOR, TempDir, actor, error_at_limit};
use crate::turns::free_port;

#[test]
fn a_report_has_all_facts_in_order() {
    let script = actor(["complain", "can't open config file", "exit", "1"]);
    let line = line!() + 1;
    let server = TcpCoordinatedExecutor::new(script, "localhost", 0).named("redis");
    let error = server.start().unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines[0], "redis exited with code 1 before it became ready");
    assert_eq!(lines[1], format!("  declared  tests/it/errors.rs:{line}"));
    let command = format!("  command   {ACTOR} complain \"can't open config file\" exit 1");
    assert_eq!(lines[2], command);
    let here = std::env::current_dir().unwrap();
    assert_eq!(lines[3], format!("  directory {}", here.display()));
    let waiting = format!("  waiting   tcp localhost:{}", server.port());
    assert!(
        lines[4].starts_with(&waiting) && lines[4].ends_with(" s, limit 30s)"),
        "{error}"
    );
    let log = lines[5]
        .strip_prefix("  output    last 1 of 1 line, ")
        .unwrap();
    assert_eq!(lines[6], "            | can't open config file");
    assert_eq!(lines.len(), 7);
    // The log that the report names exists, even after the drop of the executor.
    drop(server);
    assert_eq!(std::fs::read(log).unwrap(), b"can't open config file\n");
    std::fs::remove_file(log).unwrap();
}

#[test]
fn unwrap_and_a_test_that_returns_err_print_the_whole_report() {
    let error = SimpleExecutor::new("no-such-program-a")
        .start()
        .unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
    let boxed: Box<dyn std::error::Error + Send + Sync> = error.into();
    assert!(format!("{boxed:?}").contains("\n  command   no-such-program-a"));
}

#[test]
fn a_missing_program_is_told_with_the_path_that_was_searched() {
    let error = SimpleExecutor::new("no-such-program-a --flag")
        .env("PATH", "/x:/y")
        .start();
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with(
            "no-such-program-a could not be started: `no-such-program-a` is not in PATH, which is \
             /x:/y\n"
        ),
        "{error}"
    );
    let error = SimpleExecutor::new("./no/such/program")
        .start()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`./no/such/program` does not exist"),
        "{error}"
    );
}

#[test]
fn a_missing_working_directory_is_told_apart_from_a_missing_program() {
    let error = SimpleExecutor::new("sleep 1")
        .current_dir("/no/such/dir")
        .start();
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("its working directory /no/such/dir does not exist"),
        "{error}"
    );
    let error = SimpleExecutor::new("sleep 1").current_dir(ACTOR).start();
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("is not a directory")
    );
}

#[test]
fn a_file_that_is_no_program_is_told() {
    let dir = TempDir::new();
    std::fs::write(dir.file("data"), "data").unwrap();
    let error = SimpleExecutor::new([dir.file("data")])
        .start()
        .unwrap_err()
        .to_string();
    assert!(error.contains("is not executable"), "{error}");
}

#[test]
fn bad_input_is_an_error_from_start_that_names_it() {
    let url = |url: &str| HttpCoordinatedExecutor::new("sleep 1", url).start();
    let banner = |banner: &str| OutputCoordinatedExecutor::new("sleep 1", banner).start();
    let simple = SimpleExecutor::new;
    let cases = [
        (
            simple("sleep 'a").start(),
            "`sleep 'a` has a quote that is not closed",
        ),
        (simple("").start(), "the command is empty"),
        (simple(" ").shell(true).start(), "the command is empty"),
        (
            SimpleExecutor::new(["sleep"]).shell(true).start(),
            "a shell takes one text",
        ),
        (
            banner("(").map(drop),
            "the banner is not a valid regular expression",
        ),
        (
            banner("x*").map(drop),
            "the banner `x*` matches the empty line",
        ),
        (
            url("localhost/"),
            "the URL `localhost/` does not begin with `http://`",
        ),
        (url("https://localhost/"), "uses TLS"),
        (
            simple("sleep 1").timeout("fast").start(),
            "`fast` is not a duration",
        ),
        (
            simple("sleep 1").stop_timeout("").start(),
            "`` is not a duration",
        ),
        (
            simple("sleep {prot}").start(),
            "`{prot}` is not a placeholder",
        ),
        (
            simple("sleep {port.x.y}{a:b}").start(),
            "`{a:b}` is not a placeholder",
        ),
        (
            simple("sleep {db.port}").start(),
            "names a process that is not in the same set",
        ),
        (
            simple("sleep 1").env("A=B", "c").start(),
            "\"A=B\" is not a valid name of an environment variable",
        ),
        (
            simple("sleep 1").env("A", "b\0").start(),
            "contains a NUL byte",
        ),
        (simple("sleep 1").arg("b\0").start(), "contains a NUL byte"),
    ];
    for (result, expected) in cases {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(expected), "`{expected}` is not in:\n{error}");
        assert!(
            error.contains("\n  declared  tests/it/errors.rs:"),
            "{error}"
        );
    }
}

#[test]
fn statuses_headers_and_methods_are_checked() {
    let http = || HttpCoordinatedExecutor::new("sleep 1", "http://localhost:{port}/");
    let cases = HashMap::from([
        ("`G T` is not an HTTP method", http().method("G T")),
        (
            "`status`: 2000 is not an HTTP status; these are from 100 to 599",
            http().status(2000),
        ),
        (
            r"`a: b\r\nc` is not an HTTP header",
            http().header("a", "b\r\nc"),
        ),
        ("`status` is empty", http().status([])),
        ("`status` is empty, ", http().status(300..300)),
    ]);
    for (expected, executor) in cases {
        let error = executor.start().unwrap_err().to_string();
        assert!(
            error.contains(expected.trim()),
            "`{expected}` is not in:\n{error}"
        );
    }
}

#[test]
#[ignore = "another test runs it, and looks for the log that it names"]
fn run_by_another_and_exits_with_a_report() {
    let server = OutputCoordinatedExecutor::new(actor(["say", "hello"]), "hello");
    server.start().unwrap();
    let error = server.wait_for_output("never", "1ms").unwrap_err();
    // Writes to stdout directly, past the harness, because the exit leaves the harness no time to
    // print.
    std::io::Write::write_all(&mut std::io::stdout(), error.to_string().as_bytes()).unwrap();
    std::process::exit(1);
}

#[test]
fn a_log_that_was_named_outlives_an_exit_without_drops() {
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "errors::run_by_another_and_exits_with_a_report",
            "--ignored",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8(child.stdout).unwrap();
    let log = said
        .lines()
        .find_map(|line| line.strip_prefix("  output    last 1 of 1 line, "));
    let log = std::path::Path::new(log.expect(&said));
    // The guard cleans up about now. A log that it removes would disappear together with the
    // directory.
    let dir = log.with_extension("");
    crate::support::eventually("the directory is removed", || !dir.exists());
    assert_eq!(std::fs::read(log).unwrap(), b"hello\n");
    std::fs::remove_file(log).unwrap();
}

/// Characters that a terminal would obey without showing anything.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\r\u{8}\u{9b}2J\u{202e}\u{2066}";

#[test]
fn a_report_has_nothing_that_a_terminal_obeys() {
    let says = ["say", &format!("bad {HOSTILE} config"), "wait"];
    let fails = ["say", &format!("words {HOSTILE}"), "exit", "1"];
    let banner = |script| OutputCoordinatedExecutor::new(script, "^bad .* configuration$");
    let sleeper = || SimpleExecutor::new("sleep 1000");
    let dir = TempDir::new();
    let path = dir.file(HOSTILE);
    std::fs::create_dir(&path).unwrap();
    let status = format!("STATUS=status {HOSTILE}");
    let cases = [
        (
            "the line of a failure",
            banner(actor(says)).unless("^bad").start(),
        ),
        (
            "the nearest line",
            banner(actor(says)).timeout("2s").start(),
        ),
        (
            "arguments",
            sleeper()
                .arg(HOSTILE)
                .env("A", HOSTILE)
                .current_dir("/no/such")
                .start(),
        ),
        (
            "paths",
            sleeper()
                .current_dir(&path)
                .and(probe::file("x"))
                .timeout("10ms")
                .start(),
        ),
        (
            "a name",
            sleeper().named(HOSTILE).current_dir("/no/such").start(),
        ),
        (
            "a probe's words",
            sleeper()
                .and(probe::exec(actor(fails)))
                .timeout("2s")
                .start(),
        ),
        ("`before`", sleeper().before(actor(fails)).start()),
        (
            "a status",
            Coordinated::with(actor(["notify", &status, "wait"]), probe::notify())
                .timeout("2s")
                .start(),
        ),
        (
            "a placeholder",
            SimpleExecutor::new(format!("x {HOSTILE} {{y}}")).start(),
        ),
        ("other errors", Err(summon::Error::other(HOSTILE))),
    ];
    for (what, started) in cases {
        let report = started.unwrap_err().to_string();
        assert!(report.contains(r"\u{1b}[2J"), "{what}: {report}");
        let obeyed = report.chars().find(|c| match c {
            '\n' => false,
            '\u{202e}' | '\u{2066}' => true,
            c => c.is_control(),
        });
        assert_eq!(obeyed, None, "{what}: {report}");
    }
}

#[test]
fn have_the_likelier_hint_first() {
    let (first, second) = ("it is halted (SIGSTOP)", "pass the port in its command");
    let elsewhere = free_port();
    // It is halted once its child listens.
    let script = format!(
        "{ACTOR} listen 127.0.0.1:{elsewhere} touch {{dir}}/up wait & \
         until [ -e {{dir}}/up ]; do sleep 0.01; done; kill -STOP $$"
    );
    let error = error_at_limit(first, |limit| {
        let server = TcpCoordinatedExecutor::new(["sh", "-c", &script], "127.0.0.1", 0);
        server.timeout(limit).start().unwrap_err()
    });
    let hints = error.split("\n  hint      ").nth(1).expect(&error);
    let hints: Vec<&str> = hints.lines().take(2).map(str::trim_start).collect();
    assert!(
        hints[0].starts_with(first) && hints[1].starts_with(second),
        "{error}"
    );
}
