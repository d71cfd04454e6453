//! When a test fails, one message says why. Real cargo runs each test of `failures.rs`,
//! `forbidden.rs`, and `broken.rs` in `tests/workspaces/project/tests`, and `tests/it/reports` holds the messages for
//! readers. `SUMMON_BLESS=1` writes them again.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use summon::{Process, orchestrated};

use crate::project::Project;
use crate::support::{ACTOR, replaced, tcp};

fn snapshots() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("it/reports")
}

/// Replaces the parts of a text that differ from run to run by their names.
fn normalised(text: &str, project: &Project) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("workspaces/project");
    let text = text
        .replace(ACTOR, "actor")
        .replace(root.to_str().unwrap(), "<project>")
        .replace(&project.record(), "<record>");
    let rules = [
        // The sessions, and the numbers of logs with equal names.
        (r"/\S*/summon-\d+/(?:run-)?[0-9a-f-]+/", "<session>/"),
        (r"(<session>/[\w.]+?)-\d+(\.log|/|\b)", "$1$2"),
        (r"(127\.0\.0\.[12]|localhost|server|\[::1\]):\d+", "$1:PORT"),
        (r"\bport \d{4,5}", "port PORT"),
        (r"PORT=\d{4,5}", "PORT=PORT"),
        (r"--port \d{4,5}", "--port PORT"),
        (r"panicked at /[^ :]*/summon/src", "panicked at <summon>"),
        (r"of \d{3,} lines", "of N lines"),
        (r#"with HTTP: "\d+\\n""#, r#"with HTTP: "1\n""#),
        (r"pid \d+, `[^`]*`", "pid PID, `..`"),
        (r"\d+\.\d s\b", "N s"),
        (r"\b\d+ ms before this", "N ms before this"),
        (r"\b\d+ checks?\b", "N checks"),
        (
            r"(tests/(?:failures|forbidden|broken)\.rs):\d+(:\d+)?",
            "$1:LINE",
        ),
        (r"\(\d+\) panicked", "panicked"),
        (r"/\S*/debug/own-server", "own-server"),
        (r"(?m)^note: run with.*\n", ""),
        (r"\b(limit|within) (?:3|10)s\b", "$1 300ms"),
    ];
    replaced(&text, &rules)
}

/// Returns the message of each test that failed.
fn sections(stdout: &str) -> BTreeMap<String, String> {
    let mut sections = BTreeMap::new();
    for binary in stdout.split("\nrunning ") {
        let end = binary.find("\nfailures:\n    ").unwrap_or(binary.len());
        for section in binary[..end].split("\n---- ").skip(1) {
            let (name, said) = section.split_once(" stdout ----\n").unwrap();
            sections.insert(name.to_owned(), said.trim().to_owned() + "\n");
        }
    }
    sections
}

/// Runs tests that fail until their reports are right. On a busy machine, a program may need more than the first
/// limit of its start until it does what the report is about.
fn run_with_growing_limits(
    command: impl Fn() -> Command,
    wrong: impl Fn(&Output) -> String,
) -> Output {
    let mut last = String::new();
    for limit in ["300ms", "3s", "10s"] {
        let mut command = command();
        command
            .env("RUST_BACKTRACE", "0")
            .env_remove("PYTHONUNBUFFERED");
        let output = command.env("START_LIMIT", limit).output().unwrap();
        last = wrong(&output);
        if last.is_empty() {
            return output;
        }
    }
    panic!("{last}");
}

#[test]
fn are_what_a_reader_wants() {
    let project = Project::new();
    let bless = std::env::var_os("SUMMON_BLESS").is_some();
    let wrong = |output: &Output| {
        let mut wrong = String::new();
        for (name, said) in sections(&String::from_utf8_lossy(&output.stdout)) {
            let path = snapshots().join(format!("{name}.txt"));
            let said = normalised(&said, &project);
            if bless {
                std::fs::write(&path, &said).unwrap();
            } else if std::fs::read_to_string(&path).unwrap_or_default() != said {
                wrong += &format!("{name}:\n{said}\n");
            }
        }
        wrong
    };
    let all = "test --no-fail-fast --test failures --test forbidden --test broken";
    let output = run_with_growing_limits(|| project.cargo(all), wrong);
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let said = sections(&stdout);
    assert!(said.len() >= 25, "{stdout}{stderr}");
    for entry in std::fs::read_dir(snapshots()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(said.contains_key(&name), "{name} did not fail");
    }
    // summon prints this warning past the harness, although the test has passed.
    let warning = "summon: server exited with code 7 ";
    let told = stderr.lines().find(|line| line.starts_with(warning));
    let told = normalised(told.expect(&stderr), &project);
    assert_eq!(
        told,
        "summon: server exited with code 7 N s before its test ended (tests/failures.rs:LINE, \
         log <session>/dies_but_passes.server.log); with `must_live = true` this is an error"
    );
    let passed = [
        "dies_but_passes",
        "panics_on_purpose",
        "a_panic_of_the_program_is_allowed",
        "the_program_may_panic",
    ];
    for passed in passed {
        assert!(stdout.contains(&format!("test {passed}")) && !said.contains_key(passed));
    }
}

/// Returns the report without the line that names the panicking thread.
fn core(report: &str) -> String {
    let lines = report
        .lines()
        .filter(|line| !line.starts_with("thread '"))
        .map(|line| line.trim_start_matches("called `Result::unwrap()` on an `Err` value: "));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn in_the_docs_are_real_ones() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../summon/docs/failures.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let mut now = String::new();
    for (number, part) in text.split("<!-- report: ").enumerate() {
        if number == 0 {
            now.push_str(part);
            continue;
        }
        let (name, rest) = part.split_once(" -->\n\n```text\n").expect(part);
        let (_, rest) = rest.split_once("```\n").expect(part);
        let report = std::fs::read_to_string(snapshots().join(format!("{name}.txt")));
        let report = core(&report.expect(name));
        let block = format!("<!-- report: {name} -->\n\n```text\n{report}```\n{rest}");
        now.push_str(&block);
    }
    if std::env::var_os("SUMMON_BLESS").is_some() {
        std::fs::write(&page, &now).unwrap();
    }
    assert_eq!(now, text, "run again with SUMMON_BLESS=1 and read the diff");
}

#[test]
#[cfg_attr(not(has_nextest), ignore = "cargo-nextest is not on PATH")]
fn are_the_same_under_nextest() {
    let names = [
        "exits",
        "by_hand",
        "one_of_a_set",
        "the_body_panics",
        "the_body_returns_an_error",
        "a_fixture_wrote_meanwhile",
        "a_forbidden_line",
        "a_forbidden_line_and_a_panic_on_purpose",
        "a_program_of_the_package_panics",
    ];
    let project = Project::new();
    let args = "nextest run --no-fail-fast --success-output never --test failures \
                --test forbidden -- --exact";
    let command = || {
        let mut command = project.cargo(args);
        command.args(names);
        command
    };
    let wrong = |output: &Output| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            stderr.contains("9 tests run: 0 passed, 9 failed"),
            "{stderr}"
        );
        // nextest indents the output by four columns.
        let stderr = normalised(&stderr.replace("\n    ", "\n"), &project);
        let mut wrong = String::new();
        for name in names {
            let report = std::fs::read_to_string(snapshots().join(format!("{name}.txt"))).unwrap();
            // nextest shows this line apart, since libtest prints it to stdout.
            let report = report.split("note: test did not panic").next().unwrap();
            if !stderr.contains(report.trim_end()) {
                wrong += &format!("{name}:\n{report}\nnot in:\n{stderr}\n");
            }
        }
        wrong
    };
    run_with_growing_limits(command, wrong);
}

/// Plays a client of a server that dies.
fn ask_in_vain(addr: SocketAddr) {
    // The connection ends or is reset. The test fails in both cases.
    let asked = TcpStream::connect(addr).and_then(|mut it| it.read(&mut [0; 64]));
    assert!(matches!(asked, Ok(1..)), "the server has hung up");
}

/// Plays a test that fails because its server dies: `fatal` or `collapse`.
fn fail_when_the_server_dies(how: &str) {
    let server = tcp([how, "127.0.0.1:{port}", "7"], "127.0.0.1").named("server");
    let failed = catch_unwind(AssertUnwindSafe(|| {
        let _scope = orchestrated(&server).unwrap();
        ask_in_vain(server.addr());
    }));
    assert!(failed.is_err());
}

/// Runs an ignored test of this file that fails, and returns its output.
fn said_by(test: &str, rounds: usize) -> String {
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--nocapture", "--exact", test])
        .env("ROUNDS", rounds.to_string())
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    // On a busy machine, time may pass between the death and the failure.
    replaced(&said, &[(r"\d+\.\d s\b", "N s")])
}

fn rounds() -> usize {
    let rounds = std::env::var("ROUNDS").ok();
    rounds.and_then(|it| it.parse().ok()).unwrap_or(1)
}

#[test]
#[ignore = "another test runs it, and reads what it says"]
fn run_by_another_and_fails_when_its_server_dies() {
    for round in 0..rounds() {
        let how = ["fatal", "collapse"][round % 2];
        fail_when_the_server_dies(how);
    }
}

#[test]
fn tell_of_a_death_that_the_client_alone_has_seen() {
    let rounds = std::env::var("SUMMON_ROUNDS").ok();
    let rounds = rounds.and_then(|it| it.parse().ok()).unwrap_or(30);
    let test = "reports::run_by_another_and_fails_when_its_server_dies";
    let said = said_by(test, rounds);
    let count = |what: &str| said.matches(what).count();
    let told = "server exited with code 7 N s before this test failed\n";
    assert_eq!(count(told), rounds, "{said}");
    assert_eq!(count("            | out of cheese\n"), rounds, "{said}");
    // The stop does not report again what an earlier message has reported.
    assert_eq!(count("when it was stopped"), 0, "{said}");
}

#[summon::fixture(tcp = [ACTOR, "fatal", "127.0.0.1:{port}", "7"], host = "127.0.0.1", scope = "run")]
static DIES: summon::Fixture;

#[summon::summon(fixture = DIES)]
#[test]
#[ignore = "another test runs it, and reads what it says"]
fn run_by_another_and_fails_when_its_fixture_dies(server: &Process) {
    ask_in_vain(server.addr());
}

#[test]
fn tell_of_the_death_of_a_fixture_that_another_process_has_started() {
    assert!(DIES.is_running());
    let said = said_by("reports::run_by_another_and_fails_when_its_fixture_dies", 1);
    let told = "DIES exited with code 7 N s before this test failed\n";
    assert!(said.contains(told), "{said}");
    assert!(said.contains("            | out of cheese\n"), "{said}");
}

#[test]
#[ignore = "another test runs it, and reads what it says"]
fn run_by_another_and_stops_a_server_that_dies() {
    for _ in 0..rounds() {
        let server = tcp(["fatal", "127.0.0.1:{port}", "7"], "127.0.0.1").named("server");
        server.start().unwrap();
        let _ = TcpStream::connect(server.addr()).and_then(|mut it| it.read(&mut [0; 64]));
        server.stop().unwrap();
    }
}

#[test]
fn blame_no_stop_for_a_death_that_came_before_it() {
    let said = said_by("reports::run_by_another_and_stops_a_server_that_dies", 30);
    let told = "summon: server exited with code 7 N s before its test ended ";
    assert_eq!(said.matches(told).count(), 30, "{said}");
}

/// Plays a test with a dying server and a message that takes long to print.
fn fail_slowly() {
    let told = Instant::now();
    let printed = move |_: &PanicHookInfo<'_>| {
        let most = told.elapsed().as_secs_f64();
        eprintln!("at most {most:.1} s");
        // A backtrace makes the panic read the debug symbols.
        std::thread::sleep(Duration::from_secs(2));
    };
    std::panic::set_hook(Box::new(printed));
    fail_when_the_server_dies("fatal");
}

#[test]
#[ignore = "another test runs it, and reads what it says"]
fn run_by_another_and_prints_slowly() {
    fail_slowly();
    // The hook replaces summon's hook, and the test still works.
    fail_slowly();
}

#[test]
fn do_not_count_the_time_that_a_backtrace_takes() {
    let test = "reports::run_by_another_and_prints_slowly";
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--nocapture", "--exact", test])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    let numbers = |before: &str, after: &str| -> Vec<f64> {
        let parts = said.split(before).skip(1);
        let words = parts.filter_map(|it| it.split_once(after));
        words.map(|(number, _)| number.parse().unwrap()).collect()
    };
    // summon still calls the earlier hook, once for each panic.
    let most = numbers("at most ", " s\n");
    let told = numbers("server exited with code 7 ", " s before this test failed\n");
    assert_eq!((most.len(), told.len()), (2, 2), "{said}");
    assert!(told[0] <= most[0], "{said}");
}
