//! Two hundred tests of 50 ms that record how long they wait for a database. A benchmark runs them.

mod common;
#[path = "../../../benches/common/migrations.rs"]
mod migrations;

use std::time::{Duration, Instant};

use common::{psql, record};
use summon::servers::Postgres;
use summon::{Database, Fixture};

#[summon::fixture(executor = Postgres::new(), scope = "run", template = migrate)]
static PG: Fixture<Postgres>;

fn migrate(db: &Database) -> Result<(), String> {
    psql(db, &[&migrations::migrations().join("; ")]).map(drop)
}

fn wait_and_work() {
    PG.get().unwrap();
    let began = Instant::now();
    let _db = PG.database().unwrap();
    record(&format!("wait-{}", began.elapsed().as_nanos()));
    std::thread::sleep(Duration::from_millis(50));
}

macro_rules! tests {
    ($($module:ident)*) => {$(
        mod $module {
            tests!([t00 t01 t02 t03 t04 t05 t06 t07 t08 t09 t10 t11 t12 t13 t14 t15 t16 t17 t18 t19]);
        }
    )*};
    ([$($test:ident)*]) => {$(
        #[test]
        fn $test() {
            super::wait_and_work();
        }
    )*};
}

tests!(m0 m1 m2 m3 m4 m5 m6 m7 m8 m9);
