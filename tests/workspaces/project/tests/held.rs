//! Tests that `SUMMON_HOLD` holds. `tests/it/hold.rs` runs them.

mod common;

use common::{env, record};
use summon::servers::{Postgres, Redis};
use summon::{Database, Fixture, Process, summon};

#[summon::fixture(executor = Postgres::new(), scope = "run")]
static PG: Fixture<Postgres>;

fn actor() -> [String; 3] {
    [env("ACTOR"), "listen".into(), "127.0.0.1:{port}".into()]
}

fn note(server: &Process) {
    record(&format!("pid {}", server.id().unwrap()));
}

#[summon(tcp = actor())]
#[summon(http = [env("ACTOR"), "http".into(), "127.0.0.1:{port}".into(), "200".into()], path = "/health")]
#[test]
fn fails(server: &Process, api: &Process) {
    note(server);
    note(api);
    assert_eq!(6 * 7, 41, "the answer");
}

#[summon(tcp = actor())]
#[test]
fn fails_too(server: &Process) -> Result<(), String> {
    note(server);
    Err("no answer".into())
}

#[summon(tcp = actor())]
#[test]
fn passes(server: &Process) {
    note(server);
}

#[summon(tcp = actor())]
#[test]
#[should_panic]
fn should_panic(server: &Process) {
    note(server);
    panic!("as it should");
}

#[summon(executor = Redis::new())]
#[summon(database = PG)]
#[test]
fn known_clients(redis: &Redis, db: &Database) {
    note(redis);
    assert!(db.url().is_empty());
}

#[summon(tcp = actor(), timeout = "never".to_owned())]
#[test]
fn does_not_start(_server: &Process) {}
