use summon::{Fixture, summon};

#[summon(simple = "sleep 100")]
static SLEEPER: Fixture;

fn main() {
    let _: &Fixture = &SLEEPER;
}
