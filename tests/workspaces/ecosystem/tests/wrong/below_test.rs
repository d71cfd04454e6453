//! error: functions used as tests can not have any arguments

use summon::{Process, summon};

#[test]
#[summon(bin = "echo", tcp = "--port {port}")]
fn answers(echo: &Process) {
    assert!(echo.is_running());
}
