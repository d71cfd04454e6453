//! Tests with a database each, on one server of the run. Another test runs them by name.

mod common;

use common::{die_once, kill_myself, psql, record};
use summon::servers::Postgres;
use summon::{Database, Fixture, summon};

#[summon::fixture(executor = Postgres::new(), scope = "run", template = fill)]
static PG: Fixture<Postgres>;

fn fill(db: &Database) -> Result<(), String> {
    record("fill");
    psql(db, &["CREATE TABLE names (name TEXT); INSERT INTO names VALUES ('Lisa')"])?;
    die_once("fill");
    Ok(())
}

/// Uses the database of a test, which no other test has used.
fn use_database(db: &Database) {
    record(&format!("database-{}", db.name()));
    // This fails if there is such a table.
    psql(db, &["CREATE TABLE mine (x INT)"]).unwrap();
    assert_eq!(psql(db, &["SELECT name FROM names"]).unwrap(), "Lisa");
}

macro_rules! tests {
    ($($name:ident)*) => {$(
        #[summon(database = PG)]
        #[test]
        fn $name(db: &Database) {
            use_database(db);
        }
    )*};
}

tests!(use_a use_b use_c use_d use_e use_f use_g use_h);

#[summon(database = PG)]
#[test]
fn is_killed(db: &Database) {
    use_database(db);
    kill_myself();
}

#[summon(database = PG)]
#[test]
fn fails(db: &Database) {
    use_database(db);
    panic!("on purpose");
}
