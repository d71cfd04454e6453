use summon::{Fixture, summon};

#[summon::fixture(simple = "sleep 100")]
static SLEEPER: Fixture;

#[summon(fixture = SLEEPER, timeout = "5s")]
fn f() {}

fn main() {}
