//! A fixture of the binary that ends slowly.

mod common;

use common::env;
use summon::Fixture;

#[summon::fixture(
    output = [env("ACTOR"), "linger".into(), "500".into(), "farewell".into(), env("RECORD"), "-slow".into(), "say".into(), "up".into()],
    banner = "up",
)]
static SLOW: Fixture;

#[test]
fn uses_it() {
    assert!(SLOW.is_running());
}
