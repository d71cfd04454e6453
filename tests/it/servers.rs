//! The ready-made servers, each spoken to in its own protocol.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use summon::servers::{Mariadb, Memcached, Nats, Postgres, Redis};
use summon::{Fixture, Process, summon};

/// What it answers, up to so many bytes.
fn answer(addr: SocketAddr, question: &str, length: usize) -> String {
    let mut connection = TcpStream::connect(addr).unwrap();
    connection.write_all(question.as_bytes()).unwrap();
    let mut answer = vec![0; length];
    connection.read_exact(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[summon(executor = Redis::new())]
#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn redis_is_at_its_url(redis: &Redis) -> redis::RedisResult<()> {
    assert_eq!(redis.url(), format!("redis://127.0.0.1:{}/0", redis.port()));
    let mut client = redis::Client::open(redis.url())?.get_connection()?;
    redis::cmd("SET")
        .arg("name")
        .arg("Lisa")
        .exec(&mut client)?;
    let name: String = redis::cmd("GET").arg("name").query(&mut client)?;
    assert_eq!(name, "Lisa");
    Ok(())
}

#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn redis_is_ready_when_it_has_loaded_what_it_has_saved() {
    let redis = Redis::new().args(["--appendonly", "yes"]);
    redis.start().unwrap();
    let set = "SET name Lisa\r\n";
    assert_eq!(answer(redis.addr(), set, 5), "+OK\r\n");
    redis.restart().unwrap();
    assert_eq!(answer(redis.addr(), "GET name\r\n", 10), "$4\r\nLisa\r\n");
}

#[summon(executor = Postgres::new(), args = ["-c", "max_connections=7"])]
#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn postgres_is_at_its_url(pg: &Postgres) {
    let connect = || postgres::Client::connect(&pg.url(), postgres::NoTls).unwrap();
    let mut client = connect();
    client
        .batch_execute("CREATE TABLE names (name TEXT); INSERT INTO names VALUES ('Lisa')")
        .unwrap();
    let mut ask = |question: &str| -> String { client.query_one(question, &[]).unwrap().get(0) };
    assert_eq!(ask("SHOW max_connections"), "7");
    assert_eq!(ask("SHOW server_encoding"), "UTF8");
    // With a client connected, and so within the grace: a fast shutdown.
    pg.stop().unwrap();
    assert!(String::from_utf8_lossy(&pg.output()).contains("database system is shut down"));
    // Its cluster is still there.
    pg.start().unwrap();
    let row = connect().query_one("SELECT name FROM names", &[]).unwrap();
    assert_eq!(row.get::<_, &str>(0), "Lisa");
}

#[summon(executor = Mariadb::new())]
#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "mariadbd is neither on PATH nor in /usr/sbin"
)]
fn mariadb_is_at_its_url(db: &Mariadb) {
    assert_eq!(
        db.url(),
        format!("mysql://root@127.0.0.1:{}/test", db.port())
    );
    // The first packet is the server's: its length, its number, the version of the protocol, and
    // that of the server.
    let greeting = answer(db.addr(), "", 40);
    assert!(greeting.contains("MariaDB"), "{greeting:?}");
    db.restart().unwrap();
    assert!(answer(db.addr(), "", 40).contains("MariaDB"));
}

#[summon(executor = Nats::new().arg("--jetstream"))]
#[test]
#[cfg_attr(
    not(has_nats),
    ignore = "nats-server is neither on PATH nor in /usr/sbin"
)]
fn nats_is_at_its_url(nats: &Nats) {
    assert_eq!(nats.url(), format!("nats://127.0.0.1:{}/", nats.port()));
    assert_eq!(answer(nats.addr(), "PING\r\n", 5), "INFO ");
    assert!(nats.dir().join("jetstream").is_dir());
}

#[summon(executor = Memcached::new())]
#[test]
#[cfg_attr(not(has_memcached), ignore = "memcached is not on PATH")]
fn memcached_is_at_its_url(cache: &Memcached) {
    assert_eq!(
        cache.url(),
        format!("memcache://127.0.0.1:{}/", cache.port())
    );
    assert_eq!(answer(cache.addr(), "version\r\n", 8), "VERSION ");
}

#[summon::fixture(executor = Redis::new())]
static REDIS: Fixture;

#[summon(fixture = REDIS)]
#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn a_fixture_has_its_scheme(redis: &Process) {
    assert!(REDIS.url("/0").starts_with("redis://127.0.0.1:"));
    assert!(redis::Client::open(redis.url("/1")).is_ok());
}

#[test]
fn one_that_is_not_there_is_told() {
    let missing = std::env::temp_dir();
    // PATH is that of the test; the place where it is looked for is that of the server.
    let redis = Redis::new().env("PATH", missing);
    let error = redis.start().unwrap_err().to_string();
    assert!(error.contains("there is no such program as `"), "{error}");
    assert!(error.contains("apt install redis-server"), "{error}");
}
