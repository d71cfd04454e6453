use summon::{Database, Fixture, summon};

#[summon::fixture(simple = "sleep 100")]
static PG: Fixture;

#[summon(database = PG, export = "DATABASE_URL")]
fn f(db: &Database) {
    let _ = db;
}

fn main() {}
