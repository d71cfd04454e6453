use summon::{Error, Fixture, Process, servers::Redis};

#[summon::fixture(simple = "sleep 100", setup = seed)]
static SLEEPER: Fixture;

#[summon::fixture(executor = Redis::new(), setup = fill)]
static REDIS: Fixture<Redis>;

async fn seed(_: &Process) -> Result<(), Error> {
    Ok(())
}

async fn fill(_: &Redis) -> Result<(), Error> {
    Ok(())
}

fn main() {}
