//! error: cannot find value `echo` in this scope

use serial_test::serial;
use summon::{Process, summon};

#[serial]
#[summon(bin = "echo", tcp = "--port {port}")]
#[test]
fn answers(echo: &Process) {
    assert!(echo.is_running());
}
