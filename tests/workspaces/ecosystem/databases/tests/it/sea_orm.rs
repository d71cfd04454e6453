//! sea-orm: migrations in the template, and connections to databases of summon.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseConnection};
use sea_orm_migration::sea_orm::{Database as Sea, DbErr};
use summon::{Database, Fixture, servers::Postgres, summon};

#[summon::fixture(executor = Postgres::new(), scope = "run", template = migrate)]
static PG: Fixture<Postgres>;

#[tokio::main(flavor = "current_thread")]
async fn migrate(db: &Database) -> Result<(), DbErr> {
    let connection = Sea::connect(db.url()).await?;
    Migrator::up(&connection, None).await
}

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Songs)]
    }
}

struct Songs;

impl MigrationName for Songs {
    fn name(&self) -> &str {
        "m1_songs"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Songs {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let title = ColumnDef::new("title").text().primary_key().to_owned();
        let songs = Table::create().table("songs").col(title).to_owned();
        manager.create_table(songs).await
    }
}

/// Adds a song, which fails in a database that another test has had.
async fn sings(connection: &DatabaseConnection) {
    let add = "INSERT INTO songs VALUES ('Kalinka')";
    let added = connection.execute_unprepared(add).await.unwrap();
    assert_eq!(added.rows_affected(), 1);
}

#[summon(database = PG)]
#[tokio::test]
async fn gets_a_migrated_database(db: &Database) {
    sings(&Sea::connect(db.url()).await.unwrap()).await;
}

#[summon(database = PG)]
#[tokio::test]
async fn gets_another_database(db: &Database) {
    sings(&Sea::connect(db.url()).await.unwrap()).await;
}

/// Another variable than those of sqlx and rstest, whose tests are in this process, too.
#[summon(fixture = PG, export = "SEA_URL")]
#[tokio::test]
async fn reads_the_url_of_the_server(pg: &Postgres) {
    let url = std::env::var("SEA_URL").unwrap();
    let server = Sea::connect(url).await.unwrap();
    server
        .execute_unprepared("CREATE DATABASE mine")
        .await
        .unwrap();
    sings(&Sea::connect(pg.url("mine")).await.unwrap()).await;
}
