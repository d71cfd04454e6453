//! `insta`: snapshots of servers' answers. A snapshot has the name of its test. `#[summon]` changes
//! the body, but not the name.

use crate::support::serves;

use insta::assert_snapshot;
use summon::{Process, summon};
use summon_ecosystem::ask;

#[summon(bin = "echo", tcp = "--port {port}")]
#[test]
fn answers_as_before(echo: &Process) {
    assert_snapshot!(ask(echo.addr(), "hello").unwrap(), @"hello");
}

#[summon(bin = "echo", tcp = "--port {port}")]
#[test]
fn with_a_result(echo: &Process) -> std::io::Result<()> {
    serves(echo);
    assert_snapshot!(ask(echo.addr(), "a result")?);
    Ok(())
}

#[summon(bin = "echo", tcp = "--port {port}")]
#[tokio::test]
async fn in_a_future(echo: &Process) -> std::io::Result<()> {
    tokio::task::yield_now().await;
    assert_snapshot!(ask(echo.addr(), "a future")?);
    Ok(())
}

#[summon(bin = "echo", tcp = "--port {port}")]
#[rstest::rstest]
#[case("one")]
#[case("two")]
fn in_a_case(echo: &Process, #[case] line: &str) {
    assert_snapshot!(line, ask(echo.addr(), line).unwrap());
}
