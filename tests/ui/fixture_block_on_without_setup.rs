use summon::Fixture;

#[summon::fixture(simple = "sleep 100", block_on = futures::executor::block_on)]
static SLEEPER: Fixture;

fn main() {}
