//! `#[test_case]`: one attribute per case. A parameter belongs to the case unless it is `&Process`.

use crate::support::serves;

use summon::{Process, summon};
use summon_ecosystem::ask;
use test_case::test_case;

#[summon(bin = "echo", tcp = "--port {port}")]
#[test_case("a")]
#[test_case("hello"; "a longer one")]
fn answers(echo: &Process, line: &str) {
    assert_eq!(ask(echo.addr(), line).unwrap(), line);
}

#[summon(bin = "echo", tcp = "--port {port}")]
#[test_case("a" => 1)]
#[test_case("hello" => 5)]
#[test_case("" => panics "no answer")]
fn each_case_has_its_own(line: &str, echo: &Process) -> usize {
    serves(echo);
    assert!(!line.is_empty(), "no answer");
    ask(echo.addr(), line).unwrap().len()
}

#[summon(bin = "echo", tcp = "--port {port}")]
#[test_case(1)]
#[tokio::test]
async fn with_tokio(echo: &Process, _number: u32) {
    tokio::task::yield_now().await;
    serves(echo);
}

#[test_case(1)]
#[summon(bin = "echo", tcp = "--port {port}")]
#[test_case(2)]
fn between_without_parameters(_number: u32) {}

#[test_case(1)]
#[test_case(2)]
#[summon(simple = "no-such-program")]
#[ignore = "fails on purpose; `ends` runs it"]
fn below(_number: u32) {}

mod panics {
    use summon::summon;
    use test_case::test_case;

    #[summon(simple = "no-such-program")]
    #[test_case(1)]
    #[test_case(2 => panics "as it should")]
    #[ignore = "fails on purpose; `ends` runs it"]
    fn not_as_one_case_should(_number: u32) {
        panic!("as it should");
    }

    #[summon(simple = "no-such-program")]
    #[test_case(1)]
    #[test_case(2)]
    #[should_panic]
    #[ignore = "fails on purpose; `ends` runs it"]
    fn not_as_all_cases_should(_number: u32) {
        panic!("as it should");
    }
}
