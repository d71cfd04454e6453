//! r2d2, with connections of postgres. The pool asks a connection whether it works before it lends it.

use std::error::Error;
use std::time::Duration;

use r2d2::Pool;
use r2d2_postgres::PostgresConnectionManager;
use r2d2_postgres::postgres::{self, NoTls};
use summon::{Link, Way, summon};

use crate::postgres::{PG, through};
use crate::{LONG, SHORT, timed, waits_for_one_way, waits_while_silent};

type Connections = Pool<PostgresConnectionManager<NoTls>>;

/// Makes a pool of one connection. A request for a connection takes at most `patience`.
fn pool(link: &Link, patience: Duration) -> Result<Connections, r2d2::Error> {
    let manager = PostgresConnectionManager::new(through(link), NoTls);
    Pool::builder()
        .max_size(1)
        .connection_timeout(patience)
        .build(manager)
}

fn ask(pool: &Connections) -> Result<i32, postgres::Error> {
    let mut client = pool.get().expect("a connection");
    Ok(client.query_one("SELECT 7", &[])?.get(0))
}

#[summon(link = PG)]
#[test]
fn replaces_its_connection_after_a_cut(pg: &Link) -> Result<(), Box<dyn Error>> {
    let pool = pool(pg, LONG)?;
    assert_eq!(ask(&pool)?, 7);
    pg.while_cut(|| {
        let refused = pool.get_timeout(SHORT).err().unwrap().to_string();
        assert!(
            refused.starts_with("timed out waiting for connection"),
            "{refused}"
        );
    })?;
    assert_eq!(ask(&pool)?, 7);
    assert!(pg.connections()?.accepted >= 2);
    Ok(())
}

#[summon(link = PG)]
#[test]
fn waits_for_a_silent_server_longer_than_its_time_out(pg: &Link) -> Result<(), Box<dyn Error>> {
    let pool = pool(pg, LONG)?;
    // The time-out does not apply to the question whether the connection works.
    let got = waits_while_silent(pg, || pool.get_timeout(SHORT / 10).map(drop));
    assert!(got.is_ok(), "{got:?}");
    Ok(())
}

#[summon(link = PG)]
#[test]
fn waits_for_one_direction_with_the_same_connection(pg: &Link) -> Result<(), Box<dyn Error>> {
    let pool = pool(pg, LONG)?;
    for way in [Way::ToServer, Way::ToClient] {
        assert_eq!(waits_for_one_way(pg, way, || ask(&pool))?, 7);
    }
    assert_eq!(pg.connections()?.accepted, 1);
    Ok(())
}

#[summon(link = PG)]
#[test]
fn gives_up_on_a_blackhole(pg: &Link) -> Result<(), Box<dyn Error>> {
    pg.blackhole()?;
    let hangs = pool(pg, SHORT).err().unwrap().to_string();
    assert!(
        hangs.starts_with("timed out waiting for connection"),
        "{hangs}"
    );
    pg.heal()?;
    assert_eq!(ask(&pool(pg, LONG)?)?, 7);
    Ok(())
}

#[summon(link = PG)]
#[test]
fn waits_for_late_and_slow_answers(pg: &Link) -> Result<(), Box<dyn Error>> {
    let pool = pool(pg, LONG)?;
    let (took, said) = pg.delayed(SHORT, || timed(|| ask(&pool)))?;
    // One round trip for the pool, and at least one for the query.
    assert!(took >= 2 * SHORT && said? == 7, "{took:?}");
    let big = "SELECT repeat('x', 100000)";
    let (took, row) = pg.limited("500KB", || {
        timed(|| pool.get().unwrap().query_one(big, &[]))
    })?;
    assert!(
        took >= SHORT && row?.get::<_, String>(0).len() == 100_000,
        "{took:?}"
    );
    Ok(())
}

#[summon(link = PG)]
#[test]
fn replaces_a_connection_that_ends_in_the_middle_of_an_answer(
    pg: &Link,
) -> Result<(), Box<dyn Error>> {
    let pool = pool(pg, LONG)?;
    // The pool's own question needs 11 bytes.
    pg.closed_after(20, || {
        let mut client = pool.get().expect("a connection");
        client
            .query_one("SELECT 7", &[])
            .expect_err("a part of the answer");
        assert!(client.is_closed());
    })?;
    assert_eq!(ask(&pool)?, 7);
    Ok(())
}

#[summon(link = PG)]
#[test]
fn replaces_a_connection_that_ends_in_the_middle_of_a_request(
    pg: &Link,
) -> Result<(), Box<dyn Error>> {
    let pool = pool(pg, LONG)?;
    let mut client = pool.get()?;
    let to_server = pg.one_way(Way::ToServer);
    let before = pg.connections()?.to_server;
    to_server.closed_after(3, || {
        client
            .query_one("SELECT 7", &[])
            .expect_err("the server has a part of the request");
        assert!(client.is_closed());
    })?;
    assert_eq!(pg.connections()?.to_server - before, 3);
    drop(client);
    let (took, said) = to_server.delayed(SHORT, || timed(|| ask(&pool)))?;
    assert!(took >= SHORT && said? == 7, "{took:?}");
    Ok(())
}
