//! error: this function takes 2 arguments but 1 argument was supplied

use summon::{Process, summon};
use test_case::test_case;

#[test_case(1)]
#[summon(bin = "echo", tcp = "--port {port}")]
fn answers(echo: &Process, _number: u32) {
    assert!(echo.is_running());
}
