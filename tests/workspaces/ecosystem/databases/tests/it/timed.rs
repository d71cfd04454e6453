//! Two hundred tests of 50 ms with `#[sqlx::test]`, which record how long they wait for a database. The
//! benchmark `databases` runs them, on a server that runs already.

use std::cell::Cell;
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, PgPool, SqlSafeStr};

#[path = "../../../../../benches/common/migrations.rs"]
mod migrations;

static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    let migrations = (1..).zip(migrations::migrations());
    let migration = |(version, text): (i64, String)| {
        let sql = AssertSqlSafe(text).into_sql_str();
        Migration::new(version, "".into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(migrations.map(migration).collect())
});

thread_local! {
    /// When the test on this thread began.
    static BEGAN: Cell<Option<Instant>> = const { Cell::new(None) };
}

async fn work(_pool: PgPool) {
    let waited = BEGAN.take().unwrap().elapsed();
    let record = std::env::var("RECORD").unwrap();
    let file = OpenOptions::new().append(true).create(true).open(record);
    let line = format!("wait-{}\n", waited.as_nanos());
    file.unwrap().write_all(line.as_bytes()).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// `within` is the test of sqlx. `begins` calls it, and so knows when it began.
macro_rules! tests {
    ($($module:ident)*) => {$(
        mod $module {
            tests!([t00 t01 t02 t03 t04 t05 t06 t07 t08 t09 t10 t11 t12 t13 t14 t15 t16 t17 t18 t19]);
        }
    )*};
    ([$($test:ident)*]) => {$(
        mod $test {
            #[sqlx::test(migrator = "super::super::MIGRATOR")]
            #[ignore = "a benchmark calls it"]
            async fn within(pool: sqlx::PgPool) {
                super::super::work(pool).await;
            }

            #[test]
            #[ignore = "a benchmark runs it"]
            fn begins() {
                super::super::BEGAN.set(Some(std::time::Instant::now()));
                within();
            }
        }
    )*};
}

tests!(m0 m1 m2 m3 m4 m5 m6 m7 m8 m9);
