//! The text of a program does not harm the reader of a report: GitHub's runner obeys no command in it,
//! and a long line does not hide the other lines.

use std::process::Command;

use summon::{OutputCoordinatedExecutor, Stdin, summon};

use crate::support::{ACTOR, actor};

const V1: &str = "a ##[error]of the program";
const V2: &str = " \t::error::of the program";

/// Whether GitHub's runner obeys this line: `ActionCommand.TryParse` and `TryParseV2` of
/// <https://github.com/actions/runner>.
fn is_obeyed(line: &str) -> bool {
    line.trim_start().starts_with("::") || line.contains("##[")
}

/// Runs one of the ignored tests below as on GitHub. Returns its output, and the lines that the
/// runner obeys.
fn on_github(test: &str, vars: &[(&str, &str)]) -> (String, Vec<String>) {
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--include-ignored", "--nocapture", "--exact", test])
        .env("GITHUB_ACTIONS", "true")
        // nextest has named this test.
        .env_remove("NEXTEST_TEST_NAME")
        .env("RUST_BACKTRACE", "0")
        .envs(vars.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
    // The runner reads a carriage return as the end of a line, too.
    let lines = said.split(['\n', '\r']).filter(|line| is_obeyed(line));
    let obeyed = lines.map(str::to_owned).collect();
    (said, obeyed)
}

#[summon(
    output = [ACTOR, "say", "up", "say", V1, "say", V2, "say", "FORBIDDEN ##[error]line"],
    name = "##[error]name",
    banner = "^up$",
    never = "FORBIDDEN"
)]
#[test]
#[ignore = "another test runs it, and reads what it says"]
fn run_by_another_and_fails(server: &summon::Process) {
    server.wait_for_output("FORBIDDEN", "20s").unwrap();
    let text = server.output();
    panic!("{}", summon::Error::other(String::from_utf8_lossy(&text)));
}

#[test]
#[ignore = "another test runs it, and reads what it says"]
fn run_by_another_and_can_not_start() {
    let script = actor(["say", V2, "say", V1, "exit", "3"]);
    let server = OutputCoordinatedExecutor::new(script, "^up$");
    let error = server.start().unwrap_err();
    println!("{error}\n{error:?}");
    // A line of a fact begins with blanks.
    let cat = OutputCoordinatedExecutor::new(["cat", "x\n::error::y"], "up").stdin(Stdin::null());
    println!("{}", cat.start().unwrap_err());
    let gone = summon::SimpleExecutor::new(["::no-such-program"]).named("::error::x");
    println!("{}", gone.start().unwrap_err());
}

#[summon(simple = ["::warning::no-such-program"], missing = "skip")]
#[test]
#[ignore = "another test runs it, and reads what it says"]
fn run_by_another_and_is_skipped() {}

#[test]
fn a_runner_obeys_no_text_of_a_program() {
    let live = ("SUMMON_OUTPUT", "live");
    let (said, obeyed) = on_github("shown::run_by_another_and_fails", &[live]);
    assert!(said.contains("error]of the program"), "{said}");
    assert!(said.contains("matches `FORBIDDEN`"), "{said}");
    // The annotation of the failed test is ours.
    let [own] = &obeyed[..] else {
        panic!("{obeyed:#?}\n{said}");
    };
    assert!(
        own.starts_with("::error title=shown%3A%3Arun_by_another"),
        "{own}"
    );
    let (said, obeyed) = on_github("shown::run_by_another_and_can_not_start", &[]);
    assert!(said.contains("error]of the program"), "{said}");
    assert!(obeyed.is_empty(), "{obeyed:#?}\n{said}");
    let skip = [("SUMMON_REQUIRE", "0")];
    let (said, obeyed) = on_github("shown::run_by_another_and_is_skipped", &skip);
    assert!(said.contains("SKIPPED: no "), "{said}");
    assert!(obeyed.is_empty(), "{obeyed:#?}\n{said}");
}

#[test]
fn a_long_line_of_output_says_how_much_is_left_out() {
    let long = "head -c 50000 /dev/zero | tr '\\0' x; echo";
    let script = format!("echo before; {long}; echo up; exec sleep 1000");
    let server = OutputCoordinatedExecutor::new(["sh", "-c", &script], "^up$").never("^x+$");
    server.start().unwrap();
    let forbidden = server.stop().unwrap_err().to_string();
    let script = format!("{long}; echo after; exit 3");
    let server = OutputCoordinatedExecutor::new(["sh", "-c", &script], "^up$");
    let died = server.start().unwrap_err().to_string();
    for report in [&forbidden, &died] {
        let rows = report.lines().filter(|row| !row.starts_with("  command"));
        let longest = rows.map(str::len).max().unwrap();
        assert!((1000..1100).contains(&longest), "{longest}: {report}");
        assert!(report.contains("x .. 48,976 more bytes\n"), "{report}");
    }
    assert!(
        forbidden.contains("x .. 49,700 more bytes` matches"),
        "{forbidden}"
    );
    assert!(died.ends_with("\n            | after"), "{died}");
}
