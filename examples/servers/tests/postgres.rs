//! PostgreSQL, over the crate `postgres`.
//!
//! `servers::Postgres` has `initdb`, the flags and the user: as root, which it refuses, it runs as
//! `postgres`. It listens before it lets anybody in, so ready is when it says so. It ends on SIGINT,
//! since SIGTERM waits until all clients have left.
//!
//! To make a cluster takes a second, so all tests share one server, and each has a database.

use postgres::{Client, NoTls};
use summon::{Fixture, Process, servers::Postgres, summon};

#[summon::fixture(executor = Postgres::new())]
static POSTGRES: Fixture;

/// A database for one test. The server goes after the tests, and all databases with it.
fn database(name: &str) -> Client {
    let mut admin = Client::connect(&POSTGRES.url("/postgres"), NoTls).unwrap();
    admin
        .batch_execute(&format!("CREATE DATABASE {name}"))
        .unwrap();
    let mut client = Client::connect(&POSTGRES.url(name), NoTls).unwrap();
    client
        .batch_execute("CREATE TABLE names (name TEXT PRIMARY KEY)")
        .unwrap();
    client
}

// With this the report of a test that fails has what the server said meanwhile.
#[summon(fixture = POSTGRES)]
#[test]
#[cfg_attr(not(has_postgres), ignore = "no postgres here")]
fn remembers() -> Result<(), postgres::Error> {
    let mut client = database("remembers");
    client.execute("INSERT INTO names VALUES ($1)", &[&"Lisa"])?;
    let row = client.query_one("SELECT name FROM names", &[])?;
    assert_eq!(row.get::<_, &str>(0), "Lisa");
    Ok(())
}

#[summon(fixture = POSTGRES)]
#[test]
#[cfg_attr(not(has_postgres), ignore = "no postgres here")]
fn refuses_what_is_there_already(postgres: &Process) -> Result<(), postgres::Error> {
    let mut client = database("refuses");
    let mark = postgres.mark();
    client.execute("INSERT INTO names VALUES ('Lisa')", &[])?;
    client
        .execute("INSERT INTO names VALUES ('Lisa')", &[])
        .unwrap_err();
    let said = postgres
        .wait_for_output_after(mark, "duplicate key", "5s")
        .unwrap();
    assert!(said.contains("ERROR"), "{said}");
    Ok(())
}

/// A server of its own, since to stop one that others use is an error.
#[summon(executor = Postgres::new().args(["-c", "max_connections=10"]))]
#[test]
#[cfg_attr(not(has_postgres), ignore = "no postgres here")]
fn comes_back_with_its_data(pg: &Postgres) -> Result<(), postgres::Error> {
    let mut client = Client::connect(&pg.url(), NoTls)?;
    client.batch_execute("CREATE TABLE kept ()")?;
    pg.restart().unwrap();
    client.simple_query("SELECT").unwrap_err();
    let mut client = Client::connect(&pg.url(), NoTls)?;
    assert_eq!(client.query("SELECT FROM kept", &[])?.len(), 0);
    Ok(())
}
