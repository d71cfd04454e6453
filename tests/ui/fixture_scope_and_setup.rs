use summon::Fixture;

#[summon::fixture(simple = "sleep 100", scope = "module", setup = first, setup = second)]
static SLEEPER: Fixture;

fn main() {}
