//! Each test has a numbered database of Redis of its own.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::time::Duration;

use redis::{Connection, FromRedisValue, RedisResult, ToRedisArgs};
use summon::servers::Redis;
use summon::{Database, Fixture, Process, summon};

use crate::support::eventually;

pub(super) fn connect(url: &str) -> Connection {
    redis::Client::open(url).unwrap().get_connection().unwrap()
}

pub(super) fn run<T: FromRedisValue>(
    client: &mut Connection,
    words: &[impl ToRedisArgs],
) -> RedisResult<T> {
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(word);
    }
    command.query(client)
}

fn size(client: &mut Connection) -> usize {
    run(client, &["DBSIZE"]).unwrap()
}

/// Returns whether a database has no keys. A connection to it may be ended.
fn is_empty(server: &Process, name: &str) -> bool {
    let keyspace: String = run(&mut connect(&server.url("0")), &["INFO", "keyspace"]).unwrap();
    !keyspace.contains(&format!("db{name}:"))
}

/// Uses a database that no other test has used.
pub(super) fn use_database(db: &Database) {
    let mut client = connect(&db.url());
    assert_eq!(size(&mut client), 0, "{}", db.name());
    run::<()>(&mut client, &["SET", "mine", db.name()]).unwrap();
}

#[summon(executor = Redis::new())]
#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn no_two_tests_get_the_same_number(redis: &Redis) {
    let seen = Mutex::new(BTreeSet::new());
    std::thread::scope(|threads| {
        for _ in 0..16 {
            threads.spawn(|| {
                for _ in 0..3 {
                    let db = redis.database().unwrap();
                    use_database(&db);
                    assert!(seen.lock().unwrap().insert(db.name().to_owned()));
                }
            });
        }
    });
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.len(), 48);
    // The tests may use database 0 for themselves.
    assert!(!seen.contains("0"));
}

#[summon(executor = Redis::new())]
#[summon(output = "sh -c 'echo {redis.url}; exec sleep 100'", banner = "redis")]
#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn the_name_is_the_number_in_the_url(redis: &Redis, shop: &Process) {
    let db = redis.database().unwrap();
    let number: u32 = db.name().parse().unwrap();
    let url = format!("redis://127.0.0.1:{}/{number}", redis.port());
    assert_eq!(db.url(), url);
    let said = String::from_utf8_lossy(&shop.output()).into_owned();
    assert_eq!(said, redis.url("/0") + "\n");
}

#[summon(executor = Redis::new())]
#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn a_number_that_was_given_up_loses_its_connections_and_its_keys(redis: &Redis) {
    let db = redis.database().unwrap();
    let name = db.name().to_owned();
    use_database(&db);
    assert!(!is_empty(redis, &name));
    let client = connect(&db.url());
    let client = RefCell::new(client);
    drop(db);
    eventually("the end of the connection", || {
        run::<()>(&mut client.borrow_mut(), &["PING"]).is_err()
    });
    eventually("an empty database", || is_empty(redis, &name));
}

#[summon(executor = Redis::new())]
#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn the_newest_sixteen_databases_of_failed_tests_keep_their_keys(redis: &Redis) {
    let fail = || {
        let db = redis.database().unwrap();
        use_database(&db);
        let name = db.name().to_owned();
        let failed = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let _db = db;
            panic!("on purpose");
        }));
        failed.unwrap_err();
        name
    };
    let names: Vec<String> = (0..18).map(|_| fail()).collect();
    let (old, new) = names.split_at(2);
    for name in old {
        eventually("an empty database", || is_empty(redis, name));
    }
    for name in new {
        assert!(!is_empty(redis, name), "{name}");
    }
}

/// Database 0, the template's database, and two for tests.
#[summon(executor = Redis::new().args(["--databases", "4"]))]
#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn a_number_is_used_again_when_all_are_used(redis: &Redis) {
    let (one, other) = (redis.database().unwrap(), redis.database().unwrap());
    use_database(&one);
    use_database(&other);
    let number = one.name().to_owned();
    std::thread::scope(|threads| {
        let third = threads.spawn(|| redis.database().unwrap());
        let mut client = connect(&redis.url("/0"));
        // The third test gets nothing as long as both are in use.
        let others = run::<usize>(&mut client, &["BLPOP", "never", "0.3"]);
        others.unwrap_err();
        assert!(!third.is_finished());
        drop(one);
        let third = third.join().unwrap();
        assert_eq!(third.name(), number);
        use_database(&third);
        std::mem::forget(third);
    });
    let kept = run::<String>(&mut connect(&other.url()), &["GET", "mine"]);
    assert_eq!(kept.unwrap(), other.name());
}

#[summon(executor = Redis::new().args(["--databases", "4"]))]
#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn the_database_of_a_failed_test_is_used_again_before_a_test_waits_in_vain(redis: &Redis) {
    for _ in 0..6 {
        let failed = std::panic::catch_unwind(|| {
            let db = redis.database().unwrap();
            use_database(&db);
            panic!("on purpose");
        });
        let why = failed.unwrap_err();
        assert_eq!(why.downcast_ref(), Some(&"on purpose"));
    }
}

#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn a_server_without_databases_for_tests_says_so() {
    for (count, why) in [
        (
            "1",
            "the template could not be made: the server has only 1 databases (`--databases`)",
        ),
        ("2", "the server has only 2 databases (`--databases`)"),
    ] {
        let redis = Redis::new().args(["--databases", count]);
        redis.start().unwrap();
        let error = redis.database().unwrap_err().to_string();
        let why = format!("a_server_without_databases_for_tests_says_so: {why}, and no free one\n");
        assert!(error.contains(&why), "{error}");
    }
}

#[summon(executor = Redis::new().password("s3cret"))]
#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn a_server_with_a_password_says_why_it_has_no_databases(redis: &Redis) {
    let error = redis.database().unwrap_err().to_string();
    let why = "the template could not be made: NOAUTH Authentication required. summon makes databases \
               only on a Redis without a password\n";
    assert!(error.contains(why), "{error}");
}

#[summon::fixture(executor = Redis::new(), template = fill)]
static REDIS: Fixture<Redis>;

/// Fills the template with a key of each type, more keys than are copied at once, a key that expires,
/// and bytes that are no text.
fn fill(db: &Database) -> RedisResult<()> {
    let mut client = redis::Client::open(db.url())?.get_connection()?;
    for number in 0..3000 {
        run::<()>(&mut client, &["SET", &format!("name{number}"), "Lisa"])?;
    }
    for words in [
        "RPUSH list a b",
        "SADD set a b",
        "ZADD scores 1 a 2 b",
        "HSET hash a 1 b 2",
        "XADD stream 7-1 a 1",
        "XGROUP CREATE stream readers 0",
        "PFADD counted a b c",
        "SET brief soon EX 1000",
    ] {
        run::<()>(&mut client, &Vec::from_iter(words.split(' ')))?;
    }
    run::<()>(&mut client, &[&b"SET"[..], b"\r\n\0 \"\xff", b"\0\xfe"])
}

#[summon(database = REDIS)]
#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn a_database_has_the_keys_of_the_template(db: &Database) {
    let mut client = connect(&db.url());
    assert_eq!(size(&mut client), 3008);
    let bytes: Vec<u8> = run(&mut client, &[&b"GET"[..], b"\r\n\0 \"\xff"]).unwrap();
    assert_eq!(bytes, b"\0\xfe");
    let rest: u64 = run(&mut client, &["TTL", "brief"]).unwrap();
    assert!((1..=1000).contains(&rest), "{rest}");
    let groups: Vec<redis::Value> = run(&mut client, &["XINFO", "GROUPS", "stream"]).unwrap();
    assert_eq!(groups.len(), 1);
    let counted: u64 = run(&mut client, &["PFCOUNT", "counted"]).unwrap();
    assert_eq!(counted, 3);
    for (key, kind) in [
        ("name2999", "string"),
        ("list", "list"),
        ("set", "set"),
        ("scores", "zset"),
        ("hash", "hash"),
        ("stream", "stream"),
    ] {
        let found: String = run(&mut client, &["TYPE", key]).unwrap();
        assert_eq!(found, kind);
    }
    // Another test does not see this.
    run::<()>(&mut client, &["FLUSHDB"]).unwrap();
    let other = REDIS.database().unwrap();
    assert_eq!(size(&mut connect(&other.url())), 3008);
}

#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn a_server_that_can_not_copy_keys_says_so() {
    #[summon::fixture(executor = Redis::new().args(["--rename-command", "COPY", ""]), template = fill_one)]
    static OLD: Fixture<Redis>;

    fn fill_one(db: &Database) -> RedisResult<()> {
        let mut client = redis::Client::open(db.url())?.get_connection()?;
        run(&mut client, &["SET", "name", "Lisa"])
    }

    let error = OLD.database().unwrap_err().to_string();
    let why = "the template could not be made: the server can't copy keys: it has no `COPY`, which is \
               new in Redis 6.2\n";
    assert!(error.contains(why), "{error}");
    // Empty databases need no copies.
    let redis = Redis::new().args(["--rename-command", "COPY", ""]);
    redis.start().unwrap();
    use_database(&redis.database().unwrap());
}

#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn a_copy_that_the_server_refuses_has_its_words() {
    #[summon::fixture(executor = Redis::new().args(["--maxmemory", "30mb"]), template = fill_much)]
    static FULL: Fixture<Redis>;

    fn fill_much(db: &Database) -> RedisResult<()> {
        let mut client = redis::Client::open(db.url())?.get_connection()?;
        client.set_read_timeout(Some(Duration::from_secs(60)))?;
        run(&mut client, &["SETRANGE", "large", "10000000", "x"])
    }

    let mut held = Vec::new();
    let error = loop {
        match FULL.database() {
            Ok(db) => held.push(db),
            Err(error) => break error.to_string(),
        }
        assert!(held.len() < 8);
    };
    let words = "the template could not be cloned: OOM command not allowed";
    assert!(error.contains(words), "{error}");
}
