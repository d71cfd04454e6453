use summon::Fixture;

#[summon::fixture(simple = "sleep 100", setup = seed)]
static SLEEPER: Fixture;

fn seed(_: &str) {}

fn main() {}
