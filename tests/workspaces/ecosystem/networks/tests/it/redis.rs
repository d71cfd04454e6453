//! redis.

use redis::{Client, Commands, Connection, RedisResult};
use summon::{Fixture, Link, Way, servers::Redis, summon};

use crate::{LONG, SHORT, eventually, timed};

#[summon::fixture(executor = Redis::new())]
static REDIS: Fixture<Redis>;

fn connect(link: &Link) -> RedisResult<Connection> {
    Client::open(link.url("/"))?.get_connection_with_timeout(LONG)
}

#[summon(link = REDIS)]
#[test]
fn is_cut_off_and_connects_again(redis: &Link) -> Result<(), Box<dyn std::error::Error>> {
    let mut connection = connect(redis)?;
    redis.cut()?;
    let lost = connection.ping::<String>().unwrap_err();
    assert!(lost.is_connection_dropped(), "{lost:?}");
    let refused = connect(redis).err().unwrap();
    assert!(refused.is_connection_refusal(), "{refused:?}");
    redis.heal()?;
    assert_eq!(connect(redis)?.ping::<String>()?, "PONG");
    Ok(())
}

#[summon(link = REDIS)]
#[test]
fn gives_up_on_a_silent_server_which_still_gets_the_request(
    redis: &Link,
) -> Result<(), Box<dyn std::error::Error>> {
    let (mut connection, mut other) = (connect(redis)?, connect(redis)?);
    connection.set_read_timeout(Some(SHORT))?;
    let late = redis.silenced(|| connection.set::<_, _, ()>("asked", "once"))?;
    assert!(late.unwrap_err().is_timeout());
    // Another connection may overtake this one.
    let mut asked = || other.get::<_, Option<String>>("asked").unwrap();
    eventually(|| asked().as_deref() == Some("once"));
    Ok(())
}

#[summon(link = REDIS)]
#[test]
fn gets_no_answer_or_sends_no_request_if_one_direction_is_silent(
    redis: &Link,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut direct = Client::open(REDIS.url("/"))?.get_connection_with_timeout(LONG)?;
    let mut value = || direct.get::<_, Option<String>>("one-way").unwrap();
    let mut connection = connect(redis)?;
    connection.set_read_timeout(Some(SHORT))?;
    redis.one_way(Way::ToClient).silenced(|| {
        let late = connection.set::<_, _, ()>("one-way", "no answer");
        assert!(late.unwrap_err().is_timeout());
        eventually(|| value().as_deref() == Some("no answer"));
    })?;
    let mut connection = connect(redis)?;
    connection.set_read_timeout(Some(SHORT))?;
    redis.one_way(Way::ToServer).silenced(|| {
        let late = connection.set::<_, _, ()>("one-way", "no request");
        assert!(late.unwrap_err().is_timeout());
        assert_eq!(value().as_deref(), Some("no answer"));
    })?;
    eventually(|| value().as_deref() == Some("no request"));
    Ok(())
}

#[summon(link = REDIS)]
#[test]
fn can_not_connect_to_a_blackhole(redis: &Link) -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::open(redis.url("/"))?;
    let hangs = redis.blackholed(|| client.get_connection_with_timeout(SHORT).err().unwrap())?;
    assert!(hangs.is_timeout(), "{hangs:?}");
    assert_eq!(connect(redis)?.ping::<String>()?, "PONG");
    Ok(())
}

#[summon(link = REDIS)]
#[test]
fn waits_for_late_and_slow_answers(redis: &Link) -> Result<(), Box<dyn std::error::Error>> {
    let mut connection = connect(redis)?;
    connection.set::<_, _, ()>("big", "x".repeat(100_000))?;
    let (took, said) = redis.delayed(SHORT, || timed(|| connection.ping::<String>()))?;
    assert!(took >= SHORT && said? == "PONG", "{took:?}");
    let (took, big) = redis.limited("500KB", || timed(|| connection.get::<_, String>("big")))?;
    // The link may send a little at once.
    assert!(took >= SHORT && big?.len() == 100_000, "{took:?}");
    Ok(())
}

#[summon(link = REDIS)]
#[test]
fn loses_its_connection_in_the_middle_of_an_answer(
    redis: &Link,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut connection = connect(redis)?;
    let half = redis.closed_after(3, || connection.ping::<String>())?;
    let half = half.unwrap_err();
    assert!(
        half.is_connection_dropped() || half.is_unrecoverable_error(),
        "{half:?}"
    );
    assert_eq!(connect(redis)?.ping::<String>()?, "PONG");
    Ok(())
}

#[summon(link = REDIS)]
#[test]
fn one_direction_is_late_slow_and_ends_alone(
    redis: &Link,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut connection = connect(redis)?;
    let to_server = redis.one_way(Way::ToServer);
    let (took, said) = to_server.delayed(SHORT, || timed(|| connection.ping::<String>()))?;
    assert!(took >= SHORT && said? == "PONG", "{took:?}");
    let big = "x".repeat(100_000);
    let set = || connection.set::<_, _, ()>("big-one-way", &big);
    let (took, set) = to_server.limited("500KB", || timed(set))?;
    assert!(took >= SHORT && set.is_ok(), "{took:?}: {set:?}");
    let before = redis.connections()?.to_server;
    let lost = to_server.closed_after(3, || connection.ping::<String>())?;
    let lost = lost.unwrap_err();
    assert!(
        lost.is_connection_dropped() || lost.is_unrecoverable_error(),
        "{lost:?}"
    );
    assert_eq!(redis.connections()?.to_server - before, 3);
    assert_eq!(connect(redis)?.ping::<String>()?, "PONG");
    Ok(())
}
