//! The fixtures that all binaries share.
#![allow(dead_code, reason = "each binary uses some of it")]

use std::fs::OpenOptions;
use std::io::Write;

use summon::{Database, Fixture, Process};

pub fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

/// Returns the actor's command, with the words of a script.
pub fn actor(script: &str) -> Vec<String> {
    let words = script.split(' ').map(str::to_owned);
    std::iter::once(env("ACTOR")).chain(words).collect()
}

/// Returns a server that records its name when it is up, and `-name` when it ends.
pub fn server(name: &str) -> Vec<String> {
    let (actor, record) = (env("ACTOR"), env("RECORD"));
    let boot = std::env::var("BOOT").unwrap_or("0".to_owned());
    let gone = format!("-{name}");
    let words = [
        &actor, "complain", name, "farewell", &record, &gone, "record", &record, name, "boot", &boot, "listen",
        "127.0.0.1:{port}",
    ];
    words.map(str::to_owned).to_vec()
}

pub fn record(what: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(env("RECORD")).unwrap();
    file.write_all(format!("{what} {}\n", std::process::id()).as_bytes()).unwrap();
}

#[summon::fixture(tcp = server("run"), scope = "run", setup = set_up, split_output = true)]
pub static RUN: Fixture;

#[summon::fixture(tcp = server("binary"), env("RUN", "{RUN.port}"))]
pub static BINARY: Fixture;

#[summon::fixture(tcp = server("never"), scope = "run")]
pub static NEVER: Fixture;

#[summon::fixture(
    output = [env("ACTOR"), "record".into(), env("RECORD"), "broken".into(), "say".into(), "my last words".into(), "exit".into(), "3".into()],
    banner = "never",
    scope = "run",
)]
pub static BROKEN: Fixture;

/// Runs once, before any test sees the fixture. With `DIE=setup`, the first process dies here.
fn set_up(run: &Process) -> Result<(), String> {
    assert!(run.is_running());
    record("setup");
    die_once("setup");
    std::fs::write(run.dir().join("seed"), "seed").map_err(|error| error.to_string())
}

/// The first call with the value of `DIE` in a run kills this process, as a runner would.
pub fn die_once(when: &str) {
    let marker = format!("{}.died", env("RECORD"));
    if std::env::var("DIE").as_deref() == Ok(when) && OpenOptions::new().write(true).create_new(true).open(marker).is_ok() {
        kill_myself();
    }
}

pub fn kill_myself() -> ! {
    let _ = std::process::Command::new("kill").args(["-KILL", &std::process::id().to_string()]).status();
    loop {
        std::thread::park();
    }
}

/// Runs statements in a database, and returns the lines of their rows.
pub fn psql(db: &Database, statements: &[&str]) -> Result<String, String> {
    let mut command = std::process::Command::new("psql");
    command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &db.url()]);
    let output = command.args(statements.iter().flat_map(|it| ["-c", it])).output();
    let output = output.map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// Uses a fixture as a test would.
pub fn use_it(run: &Process) {
    if std::env::var("DIE").as_deref() == Ok("boot") {
        panic!("only `dies_while_it_boots` is to be run then");
    }
    let mut answer = String::new();
    let mut stream = std::net::TcpStream::connect(run.addr()).unwrap();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.trim().parse::<u32>().unwrap() >= 1);
    assert_eq!(run.addr().port(), run.port());
}

/// A fixture that keeps its fixed port to the end.
#[summon::fixture(tcp = [env("ACTOR"), "listen".into(), format!("127.0.0.1:{}", env("PORT"))], port = env("PORT").parse().unwrap())]
pub static FIXED: Fixture;

/// A fixture with a fixed port that records when it starts and ends.
#[summon::fixture(tcp = idle(), port = env("PORT").parse().unwrap())]
pub static IDLE: Fixture;

fn idle() -> Vec<String> {
    let mut words = server("idle");
    *words.last_mut().unwrap() = format!("127.0.0.1:{}", env("PORT"));
    words
}

/// Waits until a file with this name exists beside the record.
pub fn await_file(name: &str) {
    let file = std::path::Path::new(&env("RECORD")).with_file_name(name);
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !file.exists() {
        assert!(std::time::Instant::now() < limit, "{} never came", file.display());
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}
