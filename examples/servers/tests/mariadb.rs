//! MariaDB, with the crate `mysql`.
//!
//! `servers::Mariadb` runs `mariadb-install-db`, and sets the flags and the user. MariaDB refuses
//! to run as root, so root runs it as `mysql`. It listens while it recovers old data, so summon
//! waits for its ready line.
//!
//! The first tables take seconds, so all tests share one server, and each test has a database.

use mysql::{Conn, prelude::Queryable};
use summon::{Fixture, servers::Mariadb, summon};

#[summon::fixture(executor = Mariadb::new())]
static MARIADB: Fixture;

/// Makes a database for one test. The server ends after the tests, and takes all databases with it.
fn database(name: &str) -> mysql::Result<Conn> {
    let mut admin = Conn::new(MARIADB.url("/").as_str())?;
    admin.query_drop(format!("CREATE DATABASE {name}"))?;
    Conn::new(MARIADB.url(name).as_str())
}

#[summon(fixture = MARIADB)]
#[test]
#[cfg_attr(not(has_mariadb), ignore = "no mariadbd here")]
fn remembers() -> mysql::Result<()> {
    let mut client = database("remembers")?;
    client.query_drop("CREATE TABLE names (name TEXT)")?;
    client.exec_drop("INSERT INTO names VALUES (?)", ("Lisa",))?;
    let names: Vec<String> = client.query("SELECT name FROM names")?;
    assert_eq!(names, ["Lisa"]);
    Ok(())
}

#[summon(fixture = MARIADB)]
#[test]
#[cfg_attr(not(has_mariadb), ignore = "no mariadbd here")]
fn rolls_back() -> mysql::Result<()> {
    let mut client = database("rolls_back")?;
    client.query_drop("CREATE TABLE names (name TEXT)")?;
    let mut transaction = client.start_transaction(mysql::TxOpts::default())?;
    transaction.query_drop("INSERT INTO names VALUES ('Lisa')")?;
    transaction.rollback()?;
    assert_eq!(client.query_first("SELECT COUNT(*) FROM names")?, Some(0));
    Ok(())
}
