//! PostgreSQL, with the crate `postgres`.
//!
//! `servers::Postgres` runs `initdb`, and sets the flags and the user. PostgreSQL refuses to run as
//! root, so root runs it as `postgres`. It listens before it accepts clients, so summon waits for
//! its ready line. It ends on SIGINT, because SIGTERM waits until all clients have left.
//!
//! A cluster takes a second to make, so all tests share one server, and each test has a database.

use postgres::{Client, NoTls};
use summon::{Fixture, Process, servers::Postgres, summon};

#[summon::fixture(executor = Postgres::new())]
static POSTGRES: Fixture;

/// Makes a database for one test. The server ends after the tests, and takes all databases with it.
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

// With this attribute, the report of a failed test shows the server's output during the test.
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
    let said = mark.wait_for_output("duplicate key", "5s").unwrap();
    assert!(said.contains("ERROR"), "{said}");
    Ok(())
}

/// A separate server, because a test must not stop a server that other tests use.
#[summon(executor = Postgres::new().args(["-c", "max_connections=10"]))]
#[test]
#[cfg_attr(not(has_postgres), ignore = "no postgres here")]
fn comes_back_with_its_data(pg: &Postgres) -> Result<(), postgres::Error> {
    let mut client = Client::connect(&pg.url("/postgres"), NoTls)?;
    client.batch_execute("CREATE TABLE kept ()")?;
    pg.restart().unwrap();
    client.simple_query("SELECT").unwrap_err();
    let mut client = Client::connect(&pg.url("/postgres"), NoTls)?;
    assert_eq!(client.query("SELECT FROM kept", &[])?.len(), 0);
    Ok(())
}
