//! rstest: a database as the value of a fixture, and a fixture that reads an exported variable.

use rstest::rstest;
use summon::{Database, summon};

use crate::tokio_postgres::{PG, connect};

#[rstest::fixture]
fn db() -> Database {
    PG.database().unwrap()
}

#[rstest]
#[case("Kalinka")]
#[case("Bella ciao")]
#[tokio::test]
async fn adds_a_song(db: Database, #[case] title: &str) {
    let client = connect(&db.url()).await.unwrap();
    let add = "INSERT INTO songs VALUES ($1)";
    assert_eq!(client.execute(add, &[&title]).await.unwrap(), 1);
}

#[rstest]
#[case("Kalinka")]
#[case("Bella ciao")]
#[tokio::test]
async fn each_case_has_its_own(db: Database, #[case] title: &str) {
    let client = connect(&db.url()).await.unwrap();
    let add = "INSERT INTO songs VALUES ($1)";
    client.execute(add, &[&title]).await.unwrap();
    let songs = client.query("SELECT FROM songs", &[]).await.unwrap();
    assert_eq!(songs.len(), 1);
}

#[rstest::fixture]
fn url() -> String {
    std::env::var("SONGS_URL").unwrap()
}

#[summon(fixture = PG, export = "SONGS_URL")]
#[rstest]
fn is_exported_before_the_fixtures(url: String) {
    assert_eq!(url, PG.url("/postgres"));
}
