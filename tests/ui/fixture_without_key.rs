use summon::{Fixture, summon};

#[summon::fixture(simple = "sleep 100")]
static SLEEPER: Fixture;

#[summon(SLEEPER)]
fn f() {}

fn main() {}
