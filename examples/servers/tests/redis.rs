//! Redis, with the crate `redis`.
//!
//! `servers::Redis` sets the flags: loopback, nothing on disk. Redis listens while it loads its
//! saved data, so summon waits for its ready line. It ends at once on SIGTERM.

use redis::{Commands, RedisResult};
use summon::{servers::Redis, summon};

#[summon(executor = Redis::new())]
#[test]
#[cfg_attr(not(has_redis), ignore = "no redis-server here")]
fn counts(redis: &Redis) -> RedisResult<()> {
    let mut client = redis::Client::open(redis.url("/0"))?.get_connection()?;
    let _: i64 = client.incr("visits", 1)?;
    assert_eq!(client.incr("visits", 1), Ok(2));
    Ok(())
}

/// A restart clears the data, because Redis keeps nothing on disk.
#[summon(executor = Redis::new())]
#[test]
#[cfg_attr(not(has_redis), ignore = "no redis-server here")]
fn is_new_after_a_crash(redis: &Redis) -> RedisResult<()> {
    let client = redis::Client::open(redis.url("/0"))?;
    let mut before = client.get_connection()?;
    let _: () = before.set("name", "Lisa")?;
    redis.kill().unwrap();
    assert!(before.get::<_, String>("name").unwrap_err().is_io_error());
    redis.start().unwrap();
    // The port stays the same, so the URL does too.
    assert_eq!(client.get_connection()?.exists("name"), Ok(false));
    Ok(())
}

/// One more flag makes Redis keep its data.
#[summon(executor = Redis::new().args(["--appendonly", "yes"]))]
#[test]
#[cfg_attr(not(has_redis), ignore = "no redis-server here")]
fn remembers(redis: &Redis) -> RedisResult<()> {
    let client = redis::Client::open(redis.url("/0"))?;
    let _: () = client.get_connection()?.set("name", "Lisa")?;
    redis.restart().unwrap();
    assert_eq!(client.get_connection()?.get("name"), Ok("Lisa".to_owned()));
    Ok(())
}
