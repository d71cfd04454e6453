//! `#[rstest]`: cases, fixtures, and time limits. A parameter belongs to rstest unless it is
//! `&Process`.

use std::time::Duration;

use crate::support::{Notes, Noting, note, serves};

use rstest::rstest;
use summon::{Fixture, Process, summon};
use summon_ecosystem::{Client, ask};

#[summon(bin = "echo", tcp = "--port {port}")]
#[rstest]
#[case::short("a")]
#[case::long("hello")]
#[timeout(Duration::from_secs(30))]
fn answers(echo: &Process, #[case] line: &str, #[values("", "!")] end: &str) {
    let line = format!("{line}{end}");
    assert_eq!(ask(echo.addr(), &line).unwrap(), line);
}

#[summon::fixture(bin = "echo", tcp = "--port {port}")]
static ECHO: Fixture;

#[rstest::fixture]
fn client() -> Client {
    Client::connect(ECHO.addr()).unwrap()
}

#[rstest]
fn answers_to_a_client(mut client: Client) {
    assert_eq!(client.ask("hello").unwrap(), "hello");
}

#[summon(bin = "echo", tcp = "--port {port}")]
#[rstest]
#[case::first(1)]
#[case::second(2)]
#[case::third(3)]
fn each_case_has_its_own(#[case] number: u32, echo: &Process, mut client: Client) {
    serves(echo);
    assert_ne!(echo.id(), ECHO.id());
    assert_eq!(client.ask(&number.to_string()).unwrap(), number.to_string());
}

#[summon(bin = "echo", tcp = "--port {port}")]
#[rstest]
#[tokio::test]
#[timeout(Duration::from_secs(30))]
async fn with_tokio(echo: &Process, client: Client) {
    tokio::task::yield_now().await;
    drop(client);
    serves(echo);
}

#[summon(bin = "echo", tcp = "--port {port}")]
#[tokio::test]
#[rstest]
async fn above_tokio_and_rstest(echo: &Process, _client: Client) {
    tokio::task::yield_now().await;
    serves(echo);
}

#[tokio::test]
#[summon(bin = "echo", tcp = "--port {port}")]
#[rstest]
async fn between_tokio_and_rstest(echo: &Process, _client: Client) {
    tokio::task::yield_now().await;
    serves(echo);
}

mod below {
    use super::*;

    #[rstest]
    #[summon(bin = "echo", tcp = "--port {port}")]
    fn without_parameters(client: Client) {
        drop(client);
    }

    #[rstest]
    #[case::first(1)]
    #[case::second(2)]
    #[summon(simple = "no-such-program")]
    #[ignore = "fails on purpose; `ends` runs it"]
    fn the_cases_it_is_of_all(#[case] _number: u32) {}

    #[rstest]
    #[summon(simple = "no-such-program")]
    #[case::first(1)]
    #[case::second(2)]
    #[ignore = "fails on purpose; `ends` runs it"]
    fn a_case_it_is_of_that_one(#[case] _number: u32) {}
}

static ABOVE: Notes = Notes::new(Vec::new());
static BELOW: Notes = Notes::new(Vec::new());

#[rstest::fixture]
fn noted_above() {
    note(&ABOVE, "fixture");
}

#[rstest::fixture]
fn noted_below() {
    note(&BELOW, "fixture");
}

#[summon(executor = Noting::new(&ABOVE))]
#[rstest]
fn above_it_starts_after_the_fixtures(noted_above: ()) {
    let () = noted_above;
    assert_eq!(*ABOVE.lock().unwrap(), ["fixture", "start"]);
}

#[rstest]
#[summon(executor = Noting::new(&BELOW))]
fn below_it_starts_before_the_fixtures(noted_below: ()) {
    let () = noted_below;
    assert_eq!(*BELOW.lock().unwrap(), ["start", "fixture"]);
}

mod panics {
    use super::*;

    #[summon(bin = "echo", tcp = "--port {port}")]
    #[rstest]
    #[case::good("hello")]
    #[should_panic(expected = "no answer")]
    #[case::bad("")]
    fn as_one_case_should(echo: &Process, #[case] line: &str) {
        serves(echo);
        assert!(!line.is_empty(), "no answer");
    }

    #[summon(bin = "echo", tcp = "--port {port}")]
    #[rstest]
    #[case(1)]
    #[case(2)]
    #[should_panic]
    fn as_all_cases_should(echo: &Process, #[case] _number: u32) {
        serves(echo);
        panic!("as it should");
    }

    #[summon(simple = "no-such-program")]
    #[rstest]
    #[case::good(1)]
    #[should_panic(expected = "as it should")]
    #[case::bad(2)]
    #[ignore = "fails on purpose; `ends` runs it"]
    fn not_as_one_case_should(#[case] _number: u32) {
        panic!("as it should");
    }

    #[summon(simple = "no-such-program")]
    #[rstest]
    #[case(1)]
    #[case(2)]
    #[should_panic]
    #[ignore = "fails on purpose; `ends` runs it"]
    fn not_as_all_cases_should(#[case] _number: u32) {
        panic!("as it should");
    }
}

/// The tests run in alphabetical order.
mod limits {
    use super::*;

    #[summon(bin = "echo", tcp = "--port {port}")]
    #[rstest]
    #[timeout(Duration::from_millis(500))]
    #[tokio::test]
    #[ignore = "fails on purpose; `ends` runs it"]
    async fn a_future(echo: &Process) {
        serves(echo);
        std::future::pending().await
    }

    #[summon(bin = "echo", tcp = "--port {port}")]
    #[rstest]
    #[ignore = "`ends` runs it after the one above"]
    fn a_look_at_the_future(echo: &Process) {
        serves(echo);
    }

    #[summon(bin = "echo", tcp = "--port {port}")]
    #[rstest]
    #[timeout(Duration::from_millis(500))]
    #[ignore = "fails on purpose; `ends` runs it"]
    fn a_thread(echo: &Process) {
        serves(echo);
        loop {
            std::thread::park();
        }
    }
}
