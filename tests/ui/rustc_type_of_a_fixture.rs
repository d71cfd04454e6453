use summon::{Fixture, Process, servers::Postgres, servers::Redis, summon};

#[summon::fixture(executor = Redis::new())]
static POSTGRES: Fixture<Postgres>;

#[summon::fixture(executor = Redis::new(), setup = seed)]
static REDIS: Fixture<Redis>;

fn seed(_: &Process) -> Result<(), String> {
    Ok(())
}

#[summon(fixture = REDIS)]
fn f(pg: &Postgres) {
    pg.port();
}

fn main() {}
