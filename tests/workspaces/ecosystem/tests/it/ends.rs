//! Runs tests one by one in a child, and observes how they end.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::support::{Life, ONE_BY_ONE, eventually};

/// The output of tests that ran one by one in a child.
struct Said {
    text: String,
    succeeded: bool,
}

impl Said {
    /// Runs the tests of this binary that `filters` selects, as libtest's arguments.
    fn by(filters: &[&str]) -> Said {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--test-threads=1", "--nocapture"])
            .args(filters)
            .env(ONE_BY_ONE, "1")
            .env("RUST_BACKTRACE", "0")
            .output()
            .unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        Said {
            text: stdout + &stderr,
            succeeded: output.status.success(),
        }
    }

    /// Checks how many tests have passed, and how many have failed.
    #[track_caller]
    fn counts(&self, passed: usize, failed: usize) -> &Said {
        let counts = format!(" {passed} passed; {failed} failed;");
        assert!(self.text.contains(&counts), "not{counts} {}", self.text);
        assert_eq!(self.succeeded, failed == 0, "{}", self.text);
        self
    }

    #[track_caller]
    fn contains(&self, part: &str) -> &Said {
        assert!(self.text.contains(part), "no `{part}`: {}", self.text);
        self
    }

    /// Returns the servers that `serves` has seen, with the places of the calls.
    fn servers(&self) -> Vec<(&str, Life)> {
        // The text is in the middle of a line, after the test's name from libtest.
        let found = self
            .text
            .lines()
            .filter_map(|line| line.split("served at ").nth(1));
        let found = found.map(|rest| {
            let words: Vec<&str> = rest.split(' ').collect();
            let life = Life {
                pid: words[2].parse().unwrap(),
                began: words[3].to_owned(),
            };
            (words[0], life)
        });
        found.collect()
    }
}

#[test]
fn each_test_and_each_case_has_a_server_of_its_own_which_ends_with_it() {
    let said = Said::by(&["--skip", "ends::", "--skip", "wrong::"]);
    assert!(said.succeeded, "{}", said.text);
    let servers = said.servers();
    let lives: BTreeSet<&Life> = servers.iter().map(|(_, life)| life).collect();
    assert_eq!(lives.len(), servers.len());
    assert!(lives.iter().all(|life| !life.goes_on()));
    let mut cases = BTreeMap::new();
    for (place, _) in servers {
        let file = place.split(':').next().unwrap();
        let cases: &mut BTreeMap<&str, u32> = cases.entry(file).or_default();
        *cases.entry(place).or_default() += 1;
    }
    let most = |module: &str| cases[&*format!("tests/it/{module}.rs")].values().max();
    assert_eq!(most("rstest"), Some(&3));
    assert_eq!(most("test_case"), Some(&3));
    assert_eq!(cases.len(), 10, "{cases:?}");
}

#[test]
fn a_start_that_fails_fails_a_test_that_should_panic() {
    let said = Said::by(&["--ignored", "builtin::starts_not"]);
    said.counts(0, 6).contains("` is not in PATH");
}

#[test]
fn a_start_that_fails_fails_cases_that_should_panic_and_those_that_should_not() {
    for (module, count) in [("rstest::panics", 4), ("test_case::panics", 4)] {
        let said = Said::by(&["--ignored", module]);
        said.counts(0, count).contains("` is not in PATH");
    }
}

#[test]
fn below_the_cases_it_is_of_all() {
    for test in ["rstest::below::the_cases", "test_case::below"] {
        Said::by(&["--ignored", test]).counts(0, 2);
    }
}

#[test]
fn below_rstest_and_above_a_case_it_is_of_that_one() {
    let said = Said::by(&["--ignored", "rstest::below::a_case"]);
    said.counts(1, 1).contains("case_1_first ... FAILED");
}

#[test]
fn a_future_that_takes_too_long_ends_with_its_server() {
    let said = Said::by(&[
        "--ignored",
        "rstest::limits::a_future",
        "rstest::limits::a_look",
    ]);
    said.counts(1, 1).contains("Timeout 500ms expired");
}

#[test]
fn the_server_of_a_thread_that_takes_too_long_ends_with_the_tests() {
    // On a busy machine, the time may be up before the server is.
    let mut tries = (0..20).map(|_| Said::by(&["--ignored", "rstest::limits::a_thread"]));
    let said = tries.find(|said| !said.servers().is_empty()).unwrap();
    said.counts(0, 1).contains("Timeout 500ms expired");
    let servers = said.servers();
    eventually("the server ends", || !servers[0].1.goes_on());
}

#[test]
fn what_is_logged_is_shown() {
    for test in ["with_tokio", "below", "below_with_tokio"] {
        let said = Said::by(&["--exact", &format!("test_log::{test}")]);
        said.counts(1, 0).contains("echo is asked");
    }
}
