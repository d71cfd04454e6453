//! A server of this package that needs two others, with the crate `ureq`.
//!
//! `bin = ".."` names a program of this package, and `{pg.port}` is the port of the parameter `pg`.
//! The two databases start in parallel, and the API starts when both are ready.

use summon::servers::{Postgres, Redis};
use summon::{Process, summon};

fn text(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> String {
    answer.unwrap().into_body().read_to_string().unwrap()
}

#[summon(
    bin = "visits",
    http = "{port}",
    path = "/health",
    env("DATABASE_URL", "postgres://postgres@127.0.0.1:{pg.port}/postgres"),
    env("CACHE_URL", "redis://127.0.0.1:{redis.port}/0")
)]
#[summon(executor = Postgres::new())]
#[summon(executor = Redis::new())]
#[test]
#[cfg_attr(
    not(all(has_postgres, has_redis)),
    ignore = "no postgres or no redis-server here"
)]
fn counts_visits(api: &Process, pg: &Postgres, redis: &Redis) {
    let lisa = api.url("/visits/lisa");
    assert_eq!(text(ureq::post(&lisa).send_empty()), "1");
    assert_eq!(text(ureq::post(&lisa).send_empty()), "2");
    assert_eq!(text(ureq::get(&lisa).call()), "2 (cached)");
    // The API still works if the cache loses its data or is down.
    redis.restart().unwrap();
    assert_eq!(text(ureq::get(&lisa).call()), "2");
    let away = redis.stopped(|| text(ureq::get(&lisa).call()));
    assert_eq!(away.unwrap(), "2");
    // Without its database, the API fails, and it recovers when the database is back.
    let away = pg.stopped(|| ureq::post(&lisa).send_empty().unwrap_err());
    assert!(matches!(away.unwrap(), ureq::Error::StatusCode(500)));
    assert_eq!(text(ureq::post(&lisa).send_empty()), "3");
}
