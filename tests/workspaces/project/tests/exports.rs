//! Tests that read the URL of a fixture in an environment variable. Another test runs them.

mod common;

use common::{RUN, env, record};
use summon::{Process, summon};

#[summon(fixture = RUN, export = "SERVER_URL")]
#[test]
fn reads_one() {
    record(&format!("url-{}", env("SERVER_URL")));
}

#[summon(fixture = RUN, export = "SERVER_URL")]
#[test]
fn reads_two(run: &Process) -> Result<(), String> {
    assert_eq!(env("SERVER_URL"), run.url("/"));
    record(&format!("url-{}", env("SERVER_URL")));
    Ok(())
}

#[summon(fixture = RUN, export = "SERVER_URL")]
#[summon(output = "sh -c 'echo url $SERVER_URL; exec sleep 100'", banner = "^url")]
#[test]
fn reads_three(run: &Process, program: &Process) {
    let said = String::from_utf8_lossy(&program.output()).into_owned();
    assert_eq!(said, format!("url {}\n", run.url("/")));
    record(&format!("url-{}", env("SERVER_URL")));
}

#[summon(fixture = RUN, export = "SERVER_URL")]
#[summon(simple = "sleep 100")]
#[test]
fn fails() {
    panic!("on purpose");
}

#[summon(fixture = RUN, export = "SERVER_URL")]
#[summon(tcp = [env("ACTOR"), "listen".into(), "127.0.0.1:{port}".into()], timeout = "never".to_owned())]
#[test]
fn does_not_start() {}

#[summon(fixture = RUN, export = "SERVER_URL")]
#[summon(simple = "sleep 100")]
#[test]
#[should_panic]
fn returns_in_vain() {}
