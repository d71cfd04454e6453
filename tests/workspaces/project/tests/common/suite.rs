//! The tests of each of the three binaries.

use crate::common::{self, BINARY, BROKEN, NEVER, RUN, use_it};
use summon::{Process, summon};

#[test]
fn direct() {
    use_it(&RUN);
    assert_eq!(std::fs::read_to_string(RUN.dir().join("seed")).unwrap(), "seed");
    assert_eq!(RUN.name(), "RUN");
    // Any process of the run may have started the fixture.
    assert_eq!(RUN.stderr(), b"run\n");
}

#[summon(fixture = RUN)]
#[test]
fn declared(run: &Process) {
    use_it(run);
    assert!(run.is_running());
}

#[summon(output = [common::env("ACTOR").as_str(), "env", "PORTS"], banner = "^PORTS", env("PORTS", "{run.port} {BINARY.port}"))]
#[summon(fixture = RUN)]
#[summon(fixture = common::BINARY, )]
#[test]
fn stacked(client: &Process, run: &Process, _: &Process) {
    let expected = format!("PORTS={} {}", RUN.port(), BINARY.port());
    assert_eq!(client.wait_for_output("^PORTS", "5s").unwrap(), expected);
    assert_eq!(run.port(), RUN.port());
}

#[test]
fn one_of_the_binary() {
    use_it(&BINARY);
}

#[test]
fn another_of_the_binary() {
    use_it(&BINARY);
    for refused in [BINARY.stop(), BINARY.restart(), BINARY.kill(), BINARY.signal(summon::Signal::TERM), BINARY.stopped(|| ())] {
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("BINARY is a fixture that other tests use"), "{error}");
    }
    assert!(BINARY.is_running());
}

#[test]
fn broken_for_everybody() {
    let error = BROKEN.get().unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("BROKEN exited with code 3 before it became ready\n"), "{text}");
    assert!(text.contains("            | my last words"), "{text}");
    assert_eq!(BROKEN.get().unwrap_err().to_string(), text);
}

#[test]
fn broken_when_used() {
    let used = std::panic::catch_unwind(|| BROKEN.port());
    assert!(used.is_err());
}

#[test]
#[ignore = "shows that what only ignored tests use is never started"]
fn ignored() {
    use_it(&NEVER);
}

#[test]
#[should_panic(expected = "on purpose")]
fn panics() {
    use_it(&RUN);
    panic!("on purpose");
}

/// With `FAIL` in the environment, this test fails in all ways that tests fail.
#[test]
fn fails_if_told() -> Result<(), String> {
    use_it(&BINARY);
    match std::env::var("FAIL").as_deref() {
        Ok("panic") => panic!("as told"),
        Ok("exit") => std::process::exit(9),
        Ok(_) => Err("as told".to_owned()),
        Err(_) => Ok(()),
    }
}
