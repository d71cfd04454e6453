//! Fixtures as tests use them: whoever comes first, in circles, with a setup that fails.

use crate::support::ACTOR;

#[summon::fixture(simple = "sleep 1000", args(["{SECOND.port}"]))]
static FIRST: summon::Fixture;

#[summon::fixture(simple = "sleep 1000", env("THIRD", "{THIRD.port}"))]
static SECOND: summon::Fixture;

#[summon::fixture(simple = "sleep 1000", setup = |_| FIRST.get().map(drop))]
static THIRD: summon::Fixture;

#[test]
fn a_circle_is_told_whoever_comes_first() {
    std::thread::scope(|threads| {
        let all = [&FIRST, &SECOND, &THIRD, &FIRST, &SECOND, &THIRD];
        let asked = all.map(|fixture| threads.spawn(|| fixture.get().unwrap_err().to_string()));
        for error in asked.map(|asked| asked.join().unwrap()) {
            let circle = |names: &str| {
                let first = names.split(' ').next().unwrap_or_default();
                error.contains(&format!(
                    "these fixtures wait for each other: {names} -> {first}"
                ))
            };
            let first = circle("FIRST -> SECOND -> THIRD");
            let second = circle("SECOND -> THIRD -> FIRST");
            let third = circle("THIRD -> FIRST -> SECOND");
            assert!(first || second || third, "{error}");
        }
    });
}

#[summon::fixture(output = [ACTOR, "say", "up"], banner = "up", setup = refuse)]
static REFUSED: summon::Fixture;

fn refuse(process: &summon::Process) -> Result<(), String> {
    Err(format!("no seed for {}", process.name()))
}

#[summon::fixture(output = [ACTOR, "say", "up"], banner = "up", setup = panic)]
static PANICKED: summon::Fixture;

fn panic(_: &summon::Process) -> Result<(), String> {
    panic!("this panic is part of a test");
}

#[test]
fn a_setup_that_fails_fails_all_with_the_same_report() {
    let error = REFUSED.get().unwrap_err().to_string();
    assert!(
        error.starts_with("the setup of REFUSED failed: no seed for REFUSED\n"),
        "{error}"
    );
    assert!(error.contains("\n            | up"), "{error}");
    assert_eq!(REFUSED.get().unwrap_err().to_string(), error);
    let error = PANICKED.get().unwrap_err().to_string();
    assert!(
        error.starts_with("the setup of PANICKED panicked"),
        "{error}"
    );
}

#[summon::fixture(output = [ACTOR, "say", "up"], banner = "up", env("A", "b"))]
static SERVER: summon::Fixture;

#[summon::summon(fixture = SERVER)]
#[tokio::test]
async fn in_async_tests(server: &summon::Process) {
    tokio::task::yield_now().await;
    assert_eq!(server.output(), b"up\n");
    assert_eq!((SERVER.name(), SERVER.id()), ("SERVER", server.id()));
}
