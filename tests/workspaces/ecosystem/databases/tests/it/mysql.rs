//! mysql, on MariaDB, with SQL files as the migrations.

use mysql::Conn;
use mysql::prelude::Queryable;
use summon::{Database, Fixture, servers::Mariadb, summon};

const MIGRATIONS: [&str; 2] = [
    include_str!("../../mysql/1_songs.sql"),
    include_str!("../../mysql/2_migrated.sql"),
];

#[summon::fixture(executor = Mariadb::new(), scope = "run", template = migrate)]
static MARIA: Fixture<Mariadb>;

fn migrate(db: &Database) -> Result<(), mysql::Error> {
    let mut connection = Conn::new(&*db.url())?;
    MIGRATIONS
        .iter()
        .try_for_each(|migration| connection.query_drop(migration))
}

/// Checks that the database has one song at most, which is the test's own, and was not migrated itself.
fn sings(db: &Database) {
    let mut connection = Conn::new(&*db.url()).unwrap();
    let added = connection.query_drop("INSERT INTO songs VALUES ('Kalinka')");
    added.unwrap();
    assert_eq!(connection.affected_rows(), 1);
    let name: Option<String> = connection.query_first("SELECT name FROM migrated").unwrap();
    let name = name.unwrap();
    assert!(name.starts_with("summon_template_"), "{name}");
}

#[summon(database = MARIA)]
#[test]
fn gets_a_migrated_database(db: &Database) {
    sings(db);
}

#[summon(database = MARIA)]
#[test]
fn gets_another_database(db: &Database) {
    sings(db);
}
