//! `proptest!`: one server for all values of a test.

use crate::support::serves;

use proptest::prelude::*;
use summon::{Fixture, Process, summon};
use summon_ecosystem::ask;

#[summon(bin = "echo", tcp = "--port {port}")]
#[test]
fn answers(echo: &Process) {
    proptest!(|(line in "[a-z ]{0,9}")| {
        prop_assert_eq!(ask(echo.addr(), &line)?, line);
    });
}

#[summon(bin = "echo", tcp = "--port {port}")]
#[test]
fn one_server_for_all_values(echo: &Process) {
    let first = echo.id();
    proptest!(|(_number: u8)| {
        prop_assert_eq!(echo.id(), first);
    });
    serves(echo);
}

#[summon::fixture(bin = "echo", tcp = "--port {port}")]
static ECHO: Fixture;

proptest! {
    #[summon(fixture = ECHO)]
    #[test]
    fn inside_without_parameters(line in "[a-z ]{0,9}") {
        prop_assert_eq!(ask(ECHO.addr(), &line)?, line);
    }
}

proptest! {
    #[test]
    #[summon(fixture = ECHO)]
    fn inside_and_below_without_parameters(_number in 0..9) {
        prop_assert!(ECHO.is_running());
    }
}
