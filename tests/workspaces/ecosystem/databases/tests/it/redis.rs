//! redis, with a template that each test has a copy of.

use redis::{Client, Commands, Connection, RedisResult};
use summon::{Database, Fixture, servers::Redis, summon};

#[summon::fixture(executor = Redis::new(), scope = "run", template = migrate)]
static REDIS: Fixture<Redis>;

fn migrate(db: &Database) -> RedisResult<()> {
    let mut connection = connect(&db.url())?;
    connection.sadd::<_, _, ()>("singers", "Lisa")?;
    connection.set("schema", 1)
}

fn connect(url: &str) -> RedisResult<Connection> {
    Client::open(url)?.get_connection()
}

/// Checks that the database has the template's keys, and those of no other test.
fn sings(db: &Database) {
    let mut connection = connect(&db.url()).unwrap();
    let added: usize = connection.sadd("singers", "Nina").unwrap();
    assert_eq!(added, 1);
    let mut singers: Vec<String> = connection.smembers("singers").unwrap();
    singers.sort();
    assert_eq!(singers, ["Lisa", "Nina"]);
}

#[summon(database = REDIS)]
#[test]
fn gets_a_filled_database(db: &Database) {
    sings(db);
}

#[summon(database = REDIS)]
#[test]
fn gets_another_database(db: &Database) {
    sings(db);
}

#[summon(fixture = REDIS, export = "REDIS_URL")]
#[test]
fn reads_the_url_of_the_server() {
    let mut connection = connect(&std::env::var("REDIS_URL").unwrap()).unwrap();
    let answer: String = connection.ping().unwrap();
    assert_eq!(answer, "PONG");
}
