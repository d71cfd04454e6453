use summon::Fixture;

#[summon::fixture(simple = "sleep 100")]
static mut SLEEPER: Fixture;

fn main() {}
