//! sqlx: `#[sqlx::test]` on a server of summon, and pools on databases of summon.

use sqlx::PgPool;
use summon::{Database, Process, servers::Postgres, summon};

use crate::common::PG;

#[summon(fixture = PG, export = "DATABASE_URL")]
#[sqlx::test]
async fn adds_a_song(pool: PgPool) {
    let added = sqlx::query("INSERT INTO songs VALUES ('Kalinka')");
    assert_eq!(added.execute(&pool).await.unwrap().rows_affected(), 1);
}

/// Checks that the database has one song at most, which is the test's own, and was not migrated itself.
async fn sings(pool: &PgPool) {
    let added = sqlx::query("INSERT INTO songs VALUES ('Kalinka')");
    added.execute(pool).await.unwrap();
    let migrated = sqlx::query_scalar("SELECT by FROM migrated");
    let by: String = migrated.fetch_one(pool).await.unwrap();
    assert!(by.starts_with("summon_template_"), "{by}");
}

mod with_its_macro {
    use super::*;
    use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
    use sqlx::{Postgres as Pg, pool::PoolConnection};

    #[summon(fixture = PG, export = "DATABASE_URL")]
    #[sqlx::test]
    async fn gets_a_migrated_database(pool: PgPool) {
        sings(&pool).await;
    }

    #[summon(fixture = PG, export = "DATABASE_URL")]
    #[sqlx::test]
    async fn gets_another_database(pool: PgPool) {
        sings(&pool).await;
    }

    #[summon(fixture = PG, export = "DATABASE_URL")]
    #[sqlx::test]
    async fn gets_the_server_too(pg: &Postgres, pool: PgPool) -> sqlx::Result<()> {
        sings(&pool).await;
        let port = pool.connect_options().get_port();
        assert_eq!(port, pg.port());
        assert_eq!(std::env::var("DATABASE_URL").unwrap(), pg.url("/postgres"));
        Ok(())
    }

    #[summon(fixture = PG, export = "DATABASE_URL")]
    #[sqlx::test(migrations = false)]
    async fn gets_a_connection(mut connection: PoolConnection<Pg>, process: &Process) {
        assert!(process.is_running());
        let count = sqlx::query_scalar("SELECT count(*) FROM songs");
        let count: i64 = count.fetch_one(&mut *connection).await.unwrap();
        assert_eq!(count, 0);
    }

    #[summon(fixture = PG, export = "DATABASE_URL")]
    #[sqlx::test]
    async fn gets_options(pool: PgPoolOptions, connection: PgConnectOptions) {
        sings(&pool.connect_with(connection).await.unwrap()).await;
    }

    #[summon(fixture = PG, export = "DATABASE_URL")]
    #[sqlx::test]
    #[should_panic(expected = "one song is enough")]
    async fn panics_as_it_should(pool: PgPool) {
        sings(&pool).await;
        panic!("one song is enough");
    }

    #[summon(fixture = PG, export = "DATABASE_URL")]
    #[summon(
        output = "sh -c 'echo sings at {pg.url}; exec sleep 100'",
        banner = "^sings"
    )]
    #[sqlx::test]
    async fn gets_a_program_too(pg: &Postgres, shop: &Process, pool: PgPool) {
        sings(&pool).await;
        let said = String::from_utf8(shop.output()).unwrap();
        assert_eq!(said, format!("sings at {}\n", pg.url("/postgres")));
    }

    #[sqlx::test]
    #[summon(fixture = PG, export = "DATABASE_URL")]
    async fn may_stand_above(pool: PgPool) {
        sings(&pool).await;
    }
}

mod with_a_pool {
    use super::*;

    #[summon(database = PG)]
    #[tokio::test]
    async fn gets_a_migrated_database(db: &Database) {
        sings(&PgPool::connect(&db.url()).await.unwrap()).await;
    }

    #[summon(database = PG)]
    #[tokio::test]
    async fn gets_another_database(db: &Database) {
        sings(&PgPool::connect(&db.url()).await.unwrap()).await;
    }
}
