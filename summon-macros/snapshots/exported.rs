#[summon(fixture = PG, export = "DATABASE_URL")]
#[sqlx::test]
async fn adds_a_song(pg: &Postgres, pool: PgPool) {
    assert!(pg.is_running());
    pool.close().await;
}

// becomes

#[sqlx::test]
#[::summon::__private::exporting((fixture = PG, export = "DATABASE_URL", name = "pg"))]
async fn adds_a_song(pool: PgPool) {
    let executor_0 = ::summon::__private::Used::new(
            &PG,
            ::core::option::Option::Some("pg"),
        )
        .exported_below();
    let pg: &Postgres = &executor_0;
    assert!(pg.is_running());
    pool.close().await;
}
