use summon::{Fixture, Process, summon};

#[summon::fixture(simple = "sleep 100")]
static SLEEPER: Fixture;

fn seed(_: &Process) -> Result<(), String> {
    Ok(())
}

#[summon(fixture = SLEEPER, setup = seed)]
fn f() {}

fn main() {}
