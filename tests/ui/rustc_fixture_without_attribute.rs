use summon::Fixture;

static SLEEPER: Fixture;

fn main() {}
