//! redis.

use redis::{Client, Commands, RedisResult};
use summon::{Fixture, servers::Redis, summon};

#[summon::fixture(executor = Redis::new(), setup = fill)]
static REDIS: Fixture<Redis>;

fn fill(redis: &Redis) -> RedisResult<()> {
    let mut connection = Client::open(redis.url("/0"))?.get_connection()?;
    connection.sadd("singers", "Lisa")
}

#[summon(fixture = REDIS, export = "REDIS_URL")]
#[test]
fn reads_the_url_of_the_server() {
    let url = std::env::var("REDIS_URL").unwrap();
    let mut connection = Client::open(url).unwrap().get_connection().unwrap();
    let singers: Vec<String> = connection.smembers("singers").unwrap();
    assert_eq!(singers, ["Lisa"]);
}
