//! tokio-postgres, with refinery's migrations as the template.

use std::error::Error;

use summon::{Database, Fixture, servers::Postgres, summon};
use tokio_postgres::{Client, NoTls};

mod embedded {
    refinery::embed_migrations!("refinery");
}

#[summon::fixture(executor = Postgres::new(), template = migrate)]
pub(crate) static PG: Fixture<Postgres>;

#[tokio::main(flavor = "current_thread")]
async fn migrate(db: &Database) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut client = connect(&db.url()).await?;
    embedded::migrations::runner()
        .run_async(&mut client)
        .await?;
    Ok(())
}

pub(crate) async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

#[summon(database = PG)]
#[tokio::test]
async fn adds_a_song(db: &Database) {
    let client = connect(&db.url()).await.unwrap();
    let added = client.execute("INSERT INTO songs VALUES ('Kalinka')", &[]);
    assert_eq!(added.await.unwrap(), 1);
}

#[summon(database = PG)]
#[tokio::test]
async fn finds_no_song_of_another_test(db: &Database) {
    let client = connect(&db.url()).await.unwrap();
    let songs = client.query("SELECT FROM songs", &[]).await.unwrap();
    assert_eq!(songs.len(), 0);
}
