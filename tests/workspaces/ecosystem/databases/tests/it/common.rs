//! A server that the tests with sqlx share, as in `tests/common/mod.rs` of a project.

use sqlx::PgPool;
use summon::{Database, Fixture, servers::Postgres};

#[summon::fixture(executor = Postgres::new(), scope = "run", template = migrate)]
pub(crate) static PG: Fixture<Postgres>;

#[tokio::main(flavor = "current_thread")]
async fn migrate(db: &Database) -> Result<(), sqlx::Error> {
    let pool = PgPool::connect(&db.url()).await?;
    sqlx::migrate!().run(&pool).await?;
    Ok(())
}
