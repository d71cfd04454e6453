//! Tests that die on purpose. Another test runs each test by name.

mod common;

use common::{RUN, die_once, kill_myself, record, use_it};

/// `DIE=setup`: the first process dies during the setup, and the next process takes over.
#[test]
fn a_dies_in_the_setup() {
    use_it(&RUN);
}

#[test]
fn b_dies_in_the_setup() {
    use_it(&RUN);
}

/// `DIE=setup`, in parallel: one of the waiting processes takes over when the first one dies.
#[test]
fn a_follows_a_death() {
    use_it(&RUN);
}

#[test]
fn b_follows_a_death() {
    use_it(&RUN);
}

#[test]
fn c_follows_a_death() {
    use_it(&RUN);
}

#[test]
fn d_follows_a_death() {
    use_it(&RUN);
}

/// `DIE=ready`: the first process dies when the fixture runs, and the next process finds it.
#[test]
fn a_dies_when_it_is_ready() {
    use_it(&RUN);
    die_once("ready");
}

#[test]
fn b_dies_when_it_is_ready() {
    use_it(&RUN);
    die_once("ready");
}

/// The first process dies while the fixture boots, when the record shows the fixture.
#[test]
fn dies_while_it_boots() {
    let file = common::env("RECORD");
    let marker = format!("{file}.died");
    if std::fs::File::create_new(marker).is_ok() {
        std::thread::spawn(move || {
            while !std::fs::read_to_string(&file).unwrap_or_default().contains("run ") {
                std::thread::yield_now();
            }
            kill_myself();
        });
    }
    assert!(RUN.is_running());
}

/// Waits with a service until another process ends it or its runner.
#[test]
fn waits() {
    use_it(&RUN);
    let script = [common::env("ACTOR"), "record".into(), common::env("RECORD"), "own".into(), "say".into(), "up".into()];
    let own = summon::OutputCoordinatedExecutor::new(script, "^up$");
    own.start().unwrap();
    record("waiting");
    loop {
        std::thread::park();
    }
}
