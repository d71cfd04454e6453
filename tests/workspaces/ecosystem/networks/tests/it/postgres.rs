//! postgres.

use std::error::Error;
use std::io;

use postgres::{Client, Config, NoTls};
use summon::{Fixture, Link, Way, servers::Postgres, summon};

use crate::{LONG, SHORT, timed, waits_for_one_way, waits_while_silent};

#[summon::fixture(executor = Postgres::new())]
pub(crate) static PG: Fixture<Postgres>;

/// Returns how to connect through a link.
pub(crate) fn through(link: &Link) -> Config {
    let mut config: Config = PG.url("/postgres").parse().unwrap();
    config.connect_timeout(LONG);
    // The same user and database, on the link's port.
    let mut linked = Config::new();
    linked
        .user(config.get_user().unwrap())
        .dbname(config.get_dbname().unwrap());
    linked
        .host(&link.addr().ip().to_string())
        .port(link.port())
        .connect_timeout(LONG);
    linked
}

fn connect(link: &Link) -> Result<Client, postgres::Error> {
    through(link).connect(NoTls)
}

fn ask(client: &mut Client) -> Result<i32, postgres::Error> {
    Ok(client.query_one("SELECT 7", &[])?.get(0))
}

/// Returns the kind of the input or output error that is the cause.
fn cause(error: &postgres::Error) -> Option<io::ErrorKind> {
    Some(error.source()?.downcast_ref::<io::Error>()?.kind())
}

#[summon(link = PG)]
#[test]
fn is_cut_off_and_connects_again(pg: &Link) -> Result<(), Box<dyn Error>> {
    let mut client = connect(pg)?;
    pg.while_cut(|| {
        let lost = ask(&mut client).unwrap_err();
        assert!(
            lost.is_closed() || cause(&lost) == Some(io::ErrorKind::ConnectionReset),
            "{lost:?}"
        );
        let refused = connect(pg).err().unwrap();
        assert_eq!(cause(&refused), Some(io::ErrorKind::ConnectionRefused));
    })?;
    assert!(client.is_closed());
    assert_eq!(ask(&mut connect(pg)?)?, 7);
    Ok(())
}

#[summon(link = PG)]
#[test]
fn waits_for_a_silent_server_and_loses_nothing(pg: &Link) -> Result<(), Box<dyn Error>> {
    let mut client = connect(pg)?;
    assert_eq!(waits_while_silent(pg, || ask(&mut client))?, 7);
    Ok(())
}

#[summon(link = PG)]
#[test]
fn waits_for_one_direction_and_loses_nothing(pg: &Link) -> Result<(), Box<dyn Error>> {
    let mut client = connect(pg)?;
    for way in [Way::ToServer, Way::ToClient] {
        assert_eq!(waits_for_one_way(pg, way, || ask(&mut client))?, 7);
    }
    Ok(())
}

#[summon(link = PG)]
#[test]
fn can_not_connect_to_a_blackhole(pg: &Link) -> Result<(), Box<dyn Error>> {
    let hangs = pg.blackholed(|| {
        through(pg)
            .connect_timeout(SHORT)
            .connect(NoTls)
            .err()
            .unwrap()
    })?;
    assert_eq!(cause(&hangs), Some(io::ErrorKind::TimedOut), "{hangs:?}");
    assert_eq!(ask(&mut connect(pg)?)?, 7);
    Ok(())
}

#[summon(link = PG)]
#[test]
fn waits_for_late_and_slow_answers(pg: &Link) -> Result<(), Box<dyn Error>> {
    let mut client = connect(pg)?;
    let (took, said) = pg.delayed(SHORT, || timed(|| ask(&mut client)))?;
    assert!(took >= SHORT && said? == 7, "{took:?}");
    let big = "SELECT repeat('x', 100000)";
    let (took, row) = pg.limited("500KB", || timed(|| client.query_one(big, &[])))?;
    assert!(
        took >= SHORT && row?.get::<_, String>(0).len() == 100_000,
        "{took:?}"
    );
    Ok(())
}

#[summon(link = PG)]
#[test]
fn loses_its_connection_in_the_middle_of_an_answer(pg: &Link) -> Result<(), Box<dyn Error>> {
    let mut client = connect(pg)?;
    let half = pg.closed_after(3, || ask(&mut client).unwrap_err())?;
    // The client says `bytes remaining on stream`.
    assert_eq!(cause(&half), Some(io::ErrorKind::Other), "{half:?}");
    assert!(client.is_closed());
    assert_eq!(ask(&mut connect(pg)?)?, 7);
    Ok(())
}

#[summon(link = PG)]
#[test]
fn one_direction_is_late_slow_and_ends_alone(pg: &Link) -> Result<(), Box<dyn Error>> {
    let mut client = connect(pg)?;
    let to_server = pg.one_way(Way::ToServer);
    let (took, said) = to_server.delayed(SHORT, || timed(|| ask(&mut client)))?;
    assert!(took >= SHORT && said? == 7, "{took:?}");
    let big = format!("SELECT length('{}')", "x".repeat(100_000));
    let (took, row) = to_server.limited("500KB", || timed(|| client.query_one(&big, &[])))?;
    assert!(
        took >= SHORT && row?.get::<_, i32>(0) == 100_000,
        "{took:?}"
    );
    let lost = to_server.closed_after(3, || ask(&mut client).unwrap_err())?;
    assert!(lost.is_closed() || cause(&lost).is_some(), "{lost:?}");
    assert!(client.is_closed());
    assert_eq!(ask(&mut connect(pg)?)?, 7);
    Ok(())
}
