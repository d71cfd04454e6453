//! Tests with a database each, on one MariaDB of the run. Another test runs them by name.

mod common;

use std::process::Command;

use common::{die_once, kill_myself, record};
use summon::servers::Mariadb;
use summon::{Database, Fixture, summon};

#[summon::fixture(executor = Mariadb::new(), scope = "run", template = fill)]
static MARIA: Fixture<Mariadb>;

fn fill(db: &Database) -> Result<(), String> {
    record("fill");
    sql(db, "CREATE TABLE names (name TEXT); INSERT INTO names VALUES ('Lisa')")?;
    die_once("fill");
    Ok(())
}

fn sql(db: &Database, statements: &str) -> Result<String, String> {
    let port = db.server().port().to_string();
    let output = Command::new("mariadb")
        .args(["--no-defaults", "--host=127.0.0.1", "--user=root", "--port", &port])
        .args(["--skip-column-names", "--batch", "--execute", statements, db.name()])
        .output()
        .map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// Uses the database of a test, which no other test has used.
fn use_database(db: &Database) {
    record(&format!("database-{}", db.name()));
    // This fails if there is such a table.
    sql(db, "CREATE TABLE mine (x INT)").unwrap();
    assert_eq!(sql(db, "SELECT name FROM names").unwrap(), "Lisa");
}

macro_rules! tests {
    ($($name:ident)*) => {$(
        #[summon(database = MARIA)]
        #[test]
        fn $name(db: &Database) {
            use_database(db);
        }
    )*};
}

tests!(use_a use_b use_c use_d use_e use_f use_g use_h);

#[summon(database = MARIA)]
#[test]
fn is_killed(db: &Database) {
    use_database(db);
    kill_myself();
}

#[summon(database = MARIA)]
#[test]
fn fails(db: &Database) {
    use_database(db);
    panic!("on purpose");
}

/// Runs last.
#[summon(database = MARIA)]
#[test]
fn z_counts_the_databases_of_killed_tests(db: &Database) {
    let killed = "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'is_killed_%'";
    record(&format!("killed-{}", sql(db, killed).unwrap()));
}
