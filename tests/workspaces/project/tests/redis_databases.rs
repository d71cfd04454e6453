//! Tests with a numbered database each, on one Redis of the run. Another test runs them by name.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;

use common::{die_once, kill_myself, record};
use summon::servers::Redis;
use summon::{Database, Fixture, summon};

#[summon::fixture(executor = Redis::new(), scope = "run", template = fill)]
static REDIS: Fixture<Redis>;

fn fill(db: &Database) -> Result<(), String> {
    record("fill");
    assert_eq!(tell(db, "SET name Lisa"), "+OK\r\n");
    die_once("fill");
    Ok(())
}

/// Returns the reply to a command.
fn tell(db: &Database, command: &str) -> String {
    let mut server = TcpStream::connect(db.server().addr()).unwrap();
    write!(server, "SELECT {}\r\n{command}\r\nQUIT\r\n", db.name()).unwrap();
    let mut replies = String::new();
    server.read_to_string(&mut replies).unwrap();
    let reply = replies.strip_prefix("+OK\r\n").and_then(|it| it.strip_suffix("+OK\r\n"));
    reply.expect("two more replies").to_owned()
}

/// Uses the database of a test, which no other test has used.
fn use_database(db: &Database) {
    record(&format!("database-{}", db.name()));
    assert_eq!(tell(db, "SETNX mine x"), ":1\r\n");
    assert_eq!(tell(db, "GET name"), "$4\r\nLisa\r\n");
    assert_eq!(tell(db, "DBSIZE"), ":2\r\n");
}

macro_rules! tests {
    ($($name:ident)*) => {$(
        #[summon(database = REDIS)]
        #[test]
        fn $name(db: &Database) {
            use_database(db);
        }
    )*};
}

tests!(use_a use_b use_c use_d use_e use_f use_g use_h);

#[summon(database = REDIS)]
#[test]
fn is_killed(db: &Database) {
    use_database(db);
    kill_myself();
}

#[summon(database = REDIS)]
#[test]
fn fails(db: &Database) {
    use_database(db);
    panic!("on purpose");
}
