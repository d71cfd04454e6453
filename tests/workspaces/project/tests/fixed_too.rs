//! Another binary with a fixture that wants the same fixed port.

mod common;

#[test]
fn has_its_turn() {
    common::use_it(&common::FIXED);
}

#[test]
fn has_it_again() {
    common::use_it(&common::FIXED);
}
