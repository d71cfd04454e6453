//! Tests that `SUMMON_HOLD` holds. `tests/it/hold.rs` runs them.

mod common;

use common::{env, record};
use summon::servers::{Postgres, Redis};
use summon::{
    Database, Fixture, OutputCoordinatedExecutor, Process, SimpleExecutor, TcpCoordinatedExecutor, orchestrated, summon,
};

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

#[summon::fixture(tcp = actor())]
static SERVER: Fixture;

/// The body has all it needs, and no attribute.
#[test]
fn in_the_body() {
    let server = TcpCoordinatedExecutor::new(actor(), "127.0.0.1", 0).named("server");
    server.start().unwrap();
    let link = server.link().unwrap();
    note(&server);
    assert!(link.port() == 1, "on purpose");
}

#[test]
fn a_database_in_the_body() {
    let db = PG.database().unwrap();
    note(&PG);
    assert!(db.url().is_empty());
}

#[test]
fn only_a_static() {
    note(&SERVER);
    panic!("on purpose");
}

#[test]
fn a_static_that_passes() {
    note(&SERVER);
}

/// Scopes and a value of the body, which end before the set of the attribute.
#[summon(tcp = actor())]
#[test]
fn in_several_scopes(server: &Process) {
    note(server);
    let other = SimpleExecutor::new("sleep 1000").named("other");
    let _scope = orchestrated(&other).unwrap();
    let third = SimpleExecutor::new("sleep 1000").named("third");
    third.start().unwrap();
    panic!("on purpose");
}

#[summon(tcp = actor())]
#[test]
#[should_panic]
fn should_panic_with_values(server: &Process) {
    let other = SimpleExecutor::new("sleep 1000");
    other.start().unwrap();
    panic!("{}", server.port());
}

const COMPLAINS: &str = "sh -c 'echo up; echo ERROR; exec sleep 1000'";

#[summon(tcp = actor())]
#[summon(output = COMPLAINS, banner = "ERROR", never = "ERROR", name = "api")]
#[test]
fn a_forbidden_line(server: &Process, api: &Process) {
    note(server);
    note(api);
}

#[test]
fn a_forbidden_line_in_the_body() {
    let api = OutputCoordinatedExecutor::new(COMPLAINS, "ERROR")
        .never("ERROR")
        .named("api");
    api.start().unwrap();
    note(&api);
}

#[summon(tcp = actor())]
#[summon(
    tcp = "sleep 1000",
    timeout = "1s",
    name = "api",
    after = "server"
)]
#[test]
fn is_never_ready(_server: &Process, _api: &Process) {}

#[summon(tcp = actor())]
#[summon(
    output = "sh -c 'trap \"exit 3\" TERM; echo up; sleep 1000 & wait'",
    banner = "up",
    after = "server",
    name = "api"
)]
#[test]
fn stops_badly(server: &Process, _api: &Process) {
    note(server);
}

/// The drop of the process in the body panics, and not the body.
#[summon(tcp = actor())]
#[test]
#[should_panic]
fn should_panic_by_itself(_server: &Process) {
    let api = OutputCoordinatedExecutor::new(COMPLAINS, "ERROR")
        .never("ERROR")
        .named("api");
    api.start().unwrap();
}

/// Goes on after a panic of one part, with a server that outlives the part.
#[test]
fn catches_a_panic() {
    let server = TcpCoordinatedExecutor::new(actor(), "127.0.0.1", 0).named("server");
    server.start().unwrap();
    note(&server);
    let part = || {
        let link = server.link().unwrap();
        assert!(link.port() == 1, "on purpose");
    };
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(part)).unwrap_err();
    // Longer than the guards keep what is held.
    assert!(server.wait("4s").is_err());
    assert!(server.is_running());
}

/// Two threads of the test, both without a name.
#[test]
fn panics_in_a_thread() {
    let start = |name: &str| {
        let server = TcpCoordinatedExecutor::new(actor(), "127.0.0.1", 0).named(name.to_owned());
        server.start().unwrap();
        note(&server);
        server
    };
    let (is_up, up) = std::sync::mpsc::channel();
    let (is_over, over) = std::sync::mpsc::channel::<()>();
    let other = std::thread::spawn(move || {
        let _other = start("other");
        is_up.send(()).unwrap();
        let _ = over.recv();
    });
    up.recv().unwrap();
    let one = std::thread::spawn(move || {
        let _one = start("one");
        panic!("on purpose");
    });
    one.join().unwrap_err();
    drop(is_over);
    other.join().unwrap();
}

#[summon(tcp = actor())]
#[summon(tcp = actor())]
#[test]
fn one_is_down(server: &Process, other: &Process) {
    note(other);
    server.kill().unwrap();
    panic!("on purpose");
}

#[summon(tcp = actor())]
#[test]
fn all_are_down(server: &Process) {
    let link = server.link().unwrap();
    server.kill().unwrap();
    assert!(link.port() == 1, "on purpose");
}

#[test]
fn cut_and_halted() {
    let server = TcpCoordinatedExecutor::new(actor(), "127.0.0.1", 0).named("server");
    server.start().unwrap();
    note(&server);
    let link = server.link().unwrap();
    link.delay("20ms").unwrap();
    link.cut().unwrap();
    server.signal(summon::Signal::STOP).unwrap();
    // A signal needs a moment to arrive.
    let stat = format!("/proc/{}/stat", server.id().unwrap());
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !std::fs::read_to_string(&stat).unwrap().contains(") T ") {
        assert!(std::time::Instant::now() < limit, "it is not halted");
    }
    assert!(link.port() == 1, "on purpose");
}

#[test]
fn only_a_static_too() {
    only_a_static();
}

#[test]
fn only_a_static_again() {
    only_a_static();
}

/// The drop of the server is on the thread of the test, and its start was not.
#[test]
fn starts_on_a_thread() {
    let server = TcpCoordinatedExecutor::new(actor(), "127.0.0.1", 0).named("server");
    std::thread::scope(|scope| {
        scope.spawn(|| server.start().unwrap());
    });
    note(&server);
    panic!("on purpose");
}
