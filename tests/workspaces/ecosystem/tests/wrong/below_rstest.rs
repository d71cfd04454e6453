//! error: cannot find module or crate `echo` in this scope

use rstest::rstest;
use summon::{Process, summon};

#[rstest]
#[summon(bin = "echo", tcp = "--port {port}")]
fn answers(echo: &Process) {
    assert!(echo.is_running());
}
