//! The tests that the README shows, word for word; `tidy` compares them.

#[cfg(has_redis)]
mod first {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use summon::{Process, summon};

    #[summon(tcp = "redis-server --port {port} --save ''")]
    #[test]
    fn answers(redis: &Process) {
        // Redis listens by now, on a free port that summon has chosen.
        let mut stream = TcpStream::connect(redis.addr()).unwrap();
        stream.write_all(b"PING\r\n").unwrap();
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"+PONG\r\n");
    } // Here summon stops Redis, even if the test panics.
}

#[cfg(has_postgres)]
mod databases {
    use postgres::{Client, NoTls};
    use summon::{Database, Fixture, servers::Postgres, summon};

    #[summon::fixture(executor = Postgres::new(), scope = "run", template = migrate)]
    static PG: Fixture<Postgres>;

    /// Runs once. summon clones the result for each test, ahead of time.
    fn migrate(db: &Database) -> Result<(), postgres::Error> {
        let mut client = Client::connect(&db.url(), NoTls)?;
        client.batch_execute("CREATE TABLE songs (title TEXT)")
    }

    #[summon(database = PG)]
    #[test]
    fn adds_a_song(db: &Database) {
        let mut client = Client::connect(&db.url(), NoTls).unwrap();
        let added = client.execute("INSERT INTO songs VALUES ('Kalinka')", &[]);
        assert_eq!(added.unwrap(), 1);
    }
}

#[cfg(has_redis)]
mod own_service {
    use crate::own_service::get;
    use summon::{Process, servers::Redis, summon};

    #[summon(
        bin = "shop",             // a binary of this package
        http, path = "/health",   // it is ready when this URL answers 2xx
        env("LISTEN", "127.0.0.1:{port}"),
        env("REDIS_URL", "redis://127.0.0.1:{redis.port}")
    )]
    #[summon(executor = Redis::new())]
    #[test]
    fn survives_without_redis(shop: &Process, redis: &Redis) {
        assert_eq!(get(&shop.url("/visits/lisa")), "1");
        let answer = redis.stopped(|| get(&shop.url("/visits/lisa")));
        assert_eq!(answer.unwrap(), "try again later");
    }
}

#[cfg(has_redis)]
mod shared {
    use summon::{Fixture, Process, summon};

    #[summon::fixture(tcp = "redis-server --port {port} --save ''")]
    static REDIS: Fixture;

    #[test]
    fn uses_the_static() {
        assert!(REDIS.is_running()); // the first use starts it
    }

    #[summon(fixture = REDIS)]
    #[test]
    fn uses_a_parameter(redis: &Process) {
        assert_eq!(redis.port(), REDIS.port());
    }
}
