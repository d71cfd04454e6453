//! A fixture that nobody uses for a while, though the run goes on: nextest runs one test beside the
//! other.

mod common;

use common::{IDLE, await_file, record, use_it};

/// Uses it until the file `used` is there.
#[test]
fn a_uses_it() {
    use_it(&IDLE);
    record("using");
    await_file("used");
}

/// Keeps the run going until the file `over` is there.
#[test]
fn b_keeps_the_run_going() {
    await_file("over");
}
