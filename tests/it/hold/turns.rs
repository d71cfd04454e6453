//! The processes of a run hold one test at a time.

use std::path::PathBuf;

use super::{Held, hold_files, signal};
use crate::support::{Life, eventually};

/// The sessions of the tests that were held so far, in their order, each with its pid.
fn sessions(said: &str) -> Vec<(PathBuf, u32)> {
    let mut sessions = Vec::new();
    let files = said.split("`rm ").skip(1);
    for (session, _) in files.filter_map(|it| it.split_once("/hold`; Ctrl-C ends the run")) {
        // The session's name begins with the pid of the test process.
        let (_, name) = session.rsplit_once('/').unwrap();
        let (holder, _) = name.split_once('-').unwrap();
        let session = (PathBuf::from(session), holder.parse().unwrap());
        // nextest prints the output of a test once more at its end.
        if !sessions.contains(&session) {
            sessions.push(session);
        }
    }
    sessions
}

#[test]
#[cfg_attr(not(has_nextest), ignore = "cargo-nextest is not on PATH")]
fn processes_of_a_run_hold_one_after_the_other() {
    let args = "nextest run --no-fail-fast --test-threads 2 --test held -- --exact fails fails_too";
    let held = Held::quiet(args, "2s");
    let said = held.ends(&[]);
    let waits = said.matches(" is held, too (pid ").count();
    assert_eq!(waits, 1, "{said}");
    assert_eq!(
        said.matches("is no longer held: the time is over").count(),
        2,
        "{said}"
    );
}

#[test]
#[cfg_attr(
    not(all(has_script, has_nextest)),
    ignore = "no script and cargo-nextest"
)]
fn a_killed_test_gives_its_turn_to_the_next() {
    let args = "nextest run --no-fail-fast --test-threads 2 --test held -- --exact fails fails_too";
    let mut held = Held::in_terminal(args, "10m");
    held.says("its turn comes after the hold of another test");
    held.says("/hold`; Ctrl-C ends the run");
    let lives = held.lives();
    let (_, holder) = sessions(&held.said())[0];
    signal("-KILL", holder);
    let block = " has failed, and summon holds it for 10 min";
    eventually("the next is held", || {
        held.said().matches(block).count() == 2
    });
    held.press("\x03");
    held.ends(&lives);
}

/// A user of a fixture that another process has started has no guard of its own.
#[test]
#[cfg_attr(
    not(all(has_script, has_nextest)),
    ignore = "no script and cargo-nextest"
)]
fn a_killed_user_of_a_fixture_leaves_no_file() {
    let args = "nextest run --no-fail-fast --test-threads 3 --test held -- --exact only_a_static \
                only_a_static_too only_a_static_again";
    let mut held = Held::in_terminal(args, "10m");
    // At most one of the two has started the fixture.
    for number in 0..2 {
        let sessions = || sessions(&held.said());
        eventually("the next is held", || sessions().len() > number);
        let (session, holder) = sessions().remove(number);
        signal("-KILL", holder);
        eventually("the file of the hold is gone", || {
            !session.join("hold").exists()
        });
    }
    eventually("the last is held", || sessions(&held.said()).len() == 3);
    held.press("\x03");
    held.ends(&[]);
}

#[test]
#[cfg_attr(not(has_nextest), ignore = "cargo-nextest is not on PATH")]
fn a_halted_test_gives_its_turn_to_the_next() {
    let args = "nextest run --no-fail-fast --test-threads 2 --test held -- --exact fails fails_too";
    let held = Held::quiet(args, "3s");
    let processes = || -> Vec<Life> {
        let record = std::fs::read_to_string(held.project.record()).unwrap_or_default();
        match record.lines().count() {
            3 => held.lives(),
            _ => Vec::new(),
        }
    };
    eventually("both tests have their programs", || !processes().is_empty());
    let lives = processes();
    let tests: Vec<&Life> = lives
        .iter()
        .filter(|it| it.what.contains("/held-"))
        .collect();
    let has_file = |it: &&&Life| hold_files(it).iter().any(|file| file.exists());
    eventually("one is held", || tests.iter().any(|it| has_file(&it)));
    let holder = tests.iter().find(has_file).unwrap();
    let other = tests.iter().find(|it| it.pid != holder.pid).unwrap();
    signal("-STOP", holder.pid);
    eventually("the other is held", || has_file(&other));
    assert!(holder.goes_on());
    signal("-KILL", holder.pid);
    held.ends(&lives);
}
