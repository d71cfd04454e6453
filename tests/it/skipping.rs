//! A test whose program is not there is skipped where that is allowed, and says so. Real runners run
//! `tests/workspaces/project/tests/skipped.rs`.

use std::process::Output;

use crate::project::Project;
use crate::support::{recorded, replaced};

/// Runs tests of the project with these variables, and returns the standard output and error.
fn run(project: &Project, args: &str, env: &[(&str, &str)]) -> (Output, String, String) {
    let mut command = project.cargo(args);
    command.env_remove("CI").env("RUST_BACKTRACE", "0");
    let output = command.envs(env.iter().copied()).output().unwrap();
    let text = |bytes: &[u8]| {
        let rules = [
            (r"\.rs:\d+(:\d+)?", ".rs:LINE"),
            (r"--port \d+", "--port PORT"),
        ];
        let text = replaced(&String::from_utf8_lossy(bytes), &rules);
        replaced(
            &text,
            &[
                (r"\(\d+\) panicked", "panicked"),
                (r"which is \S*", "which is PATH"),
            ],
        )
    };
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    (output, stdout, stderr)
}

const SUMMARY: &str = "\
summon: skipped 12 tests; with SUMMON_REQUIRE=1 they fail
  no /no/such/server: a_path
  no no-such-initdb in PATH: a_command_before
  no no-such-server in PATH: a_cluster_of_a_set, a_fixture, a_fixture_again, a_plain_test, a_test_that_should_panic, \
a_test_that_should_panic_with_a_text, a_test_with_a_result, a_test_with_an_exit_code, one_of_a_set
  no redis-server in PATH: a_ready_made_server
";

const UNSKIPPABLE: &str = "\
server could not be started: `no-such-server` is not in PATH, which is PATH
  declared  tests/skipped.rs:LINE
  command   no-such-server --port {port}
  hint      no no-such-server in PATH, but this test can't be skipped, since summon can't make the value that it returns, \
or does not know whether this case should panic; return `()` or `Result<(), _>`
";

#[test]
fn tests_without_their_program_pass_and_the_binary_sums_up() {
    let project = Project::new();
    let (output, stdout, stderr) = run(
        &project,
        "test --test skipped -- --show-output",
        &[("SUMMON_MISSING", "skip")],
    );
    assert!(!output.status.success());
    assert!(stderr.contains(SUMMARY), "{stdout}{stderr}");
    assert!(stdout.contains("13 passed; 3 failed"), "{stdout}");
    let said = "---- a_plain_test stdout ----\nSKIPPED: no no-such-server in PATH\n";
    assert!(stdout.contains(said), "{stdout}");
    let said = "\n---- fails_since_its_result_is_unknown stdout ----\n";
    let (_, said) = stdout.split_once(said).expect(&stdout);
    assert!(said.contains(UNSKIPPABLE), "{stdout}");
    let interpreter = "`, `/no/such/shell`, does not exist";
    assert!(stdout.contains(interpreter), "{stdout}");
    assert_eq!(recorded(&project.record()), Vec::<String>::new());
}

#[test]
fn they_fail_with_the_usual_report_where_they_are_required() {
    let project = Project::new();
    let args = "test --test skipped -- --exact a_plain_test a_fixture a_ready_made_server";
    for required in [("SUMMON_REQUIRE", "1"), ("CI", "true")] {
        let (_, stdout, stderr) = run(&project, args, &[required, ("SUMMON_MISSING", "skip")]);
        assert!(stdout.contains("0 passed; 3 failed"), "{stdout}");
        let report = "server could not be started: `no-such-server` is not in PATH, which is PATH\n  declared";
        assert!(stdout.contains(report), "{stdout}");
        assert!(!stderr.contains("summon: skipped"), "{stderr}");
    }
}

#[test]
#[cfg_attr(not(has_nextest), ignore = "cargo-nextest is not on PATH")]
fn nextest_shows_the_reason_in_the_output_of_each_test() {
    let project = Project::new();
    let args = "nextest run --no-fail-fast --success-output immediate --test skipped -- a_";
    let (_, _, stderr) = run(&project, args, &[("SUMMON_MISSING", "skip")]);
    assert!(stderr.contains("12 tests run: 12 passed"), "{stderr}");
    // The message of an expected panic names the reason, too.
    let lines = stderr
        .lines()
        .map(str::trim)
        .filter(|line| !line.contains(';'));
    let said = lines.filter(|line| line.starts_with("SKIPPED: no "));
    assert_eq!(said.count(), 12, "{stderr}");
    assert!(!stderr.contains("SUMMON_REQUIRE"), "{stderr}");
    assert_eq!(recorded(&project.record()), Vec::<String>::new());
}
