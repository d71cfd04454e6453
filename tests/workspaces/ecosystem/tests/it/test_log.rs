//! `#[test_log::test]`: shows the log of a failed test. It keeps the other attributes unchanged, so
//! any order works.

use crate::support::serves;

use summon::{Process, summon};
use summon_ecosystem::ask;

#[summon(bin = "echo", tcp = "--port {port}")]
#[test_log::test]
fn answers(echo: &Process) {
    log::info!("asking {}", echo.addr());
    assert_eq!(ask(echo.addr(), "hello").unwrap(), "hello");
}

#[summon(bin = "echo", tcp = "--port {port}")]
#[test_log::test(tokio::test)]
async fn with_tokio(echo: &Process) {
    tokio::task::yield_now().await;
    logs_and_serves(echo);
}

#[test_log::test]
#[summon(bin = "echo", tcp = "--port {port}")]
fn below(echo: &Process) {
    logs_and_serves(echo);
}

#[test_log::test(tokio::test)]
#[summon(bin = "echo", tcp = "--port {port}")]
async fn below_with_tokio(echo: &Process) {
    tokio::task::yield_now().await;
    logs_and_serves(echo);
}

#[track_caller]
fn logs_and_serves(echo: &Process) {
    assert!(log::log_enabled!(log::Level::Error));
    log::error!("{} is asked", echo.name());
    serves(echo);
}
