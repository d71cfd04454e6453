//! diesel, with `diesel_migrations` as the template.

use std::error::Error;

use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use summon::{Database, Fixture, servers::Postgres, summon};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("diesel");

#[summon::fixture(executor = Postgres::new(), template = migrate)]
static PG: Fixture<Postgres>;

fn migrate(db: &Database) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut connection = PgConnection::establish(&db.url())?;
    connection.run_pending_migrations(MIGRATIONS)?;
    Ok(())
}

diesel::table! {
    songs (title) {
        title -> Text,
    }
}

#[summon(database = PG)]
#[test]
fn adds_a_song(db: &Database) {
    let mut connection = PgConnection::establish(&db.url()).unwrap();
    let added = diesel::insert_into(songs::table)
        .values(songs::title.eq("Kalinka"))
        .execute(&mut connection);
    assert_eq!(added, Ok(1));
}

#[summon(database = PG)]
#[test]
fn finds_no_song_of_another_test(db: &Database) {
    let mut connection = PgConnection::establish(&db.url()).unwrap();
    let count = songs::table.count().get_result(&mut connection);
    assert_eq!(count, Ok(0_i64));
}
