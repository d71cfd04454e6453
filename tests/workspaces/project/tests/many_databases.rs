//! A thousand tests with a database each, on one server of the run. Another test runs some of them
//! by the names of their modules, and kills some.

mod common;

use common::{kill_myself, psql, record};
use summon::servers::Postgres;
use summon::{Database, Fixture, summon};

#[summon::fixture(executor = Postgres::new(), scope = "run", template = fill)]
static PG: Fixture<Postgres>;

fn fill(db: &Database) -> Result<(), String> {
    record("fill");
    psql(db, &["CREATE TABLE tests (name TEXT)"]).map(drop)
}

/// Writes the test's name into its database, where no other name is.
fn use_database(db: &Database) {
    let server = db.server();
    record(&format!("server-{}-{}", server.id().unwrap(), server.dir().display()));
    record(&format!("database-{}", db.name()));
    let statements = [
        "SELECT count(*) FROM tests",
        &format!("INSERT INTO tests VALUES ('{}')", db.name()),
        "SELECT count(*) FROM pg_database",
    ];
    let answers = psql(db, &statements).unwrap();
    let (tests, databases) = answers.split_once('\n').unwrap();
    if tests != "0" {
        record(&format!("used-{}", db.name()));
    }
    record(&format!("count-{databases}"));
}

macro_rules! tests {
    ($($module:ident)*) => {$(
        mod $module {
            use super::*;
            tests!([t0 t1 t2 t3 t4 t5 t6 t7 t8]);

            #[summon(database = PG)]
            #[test]
            fn is_killed(db: &Database) {
                use_database(db);
                kill_myself();
            }
        }
    )*};
    ([$($test:ident)*]) => {$(
        #[summon(database = PG)]
        #[test]
        fn $test(db: &Database) {
            use_database(db);
        }
    )*};
}

tests! {
    m00 m01 m02 m03 m04 m05 m06 m07 m08 m09 m10 m11 m12 m13 m14 m15 m16 m17 m18 m19 m20 m21 m22 m23 m24
    m25 m26 m27 m28 m29 m30 m31 m32 m33 m34 m35 m36 m37 m38 m39 m40 m41 m42 m43 m44 m45 m46 m47 m48 m49
    m50 m51 m52 m53 m54 m55 m56 m57 m58 m59 m60 m61 m62 m63 m64 m65 m66 m67 m68 m69 m70 m71 m72 m73 m74
    m75 m76 m77 m78 m79 m80 m81 m82 m83 m84 m85 m86 m87 m88 m89 m90 m91 m92 m93 m94 m95 m96 m97 m98 m99
}
