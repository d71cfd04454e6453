//! A fixture that no test uses for a while, although the run goes on. nextest runs the two tests in
//! parallel.

mod common;

use common::{IDLE, await_file, record, use_it};

/// Uses the fixture until the file `used` exists.
#[test]
fn a_uses_it() {
    use_it(&IDLE);
    record("using");
    await_file("used");
}

/// Keeps the run alive until the file `over` exists.
#[test]
fn b_keeps_the_run_going() {
    await_file("over");
}
