use summon::Fixture;

#[summon::fixture(simple = "sleep 100")]
static SLEEPER: Fixture = Fixture::new("sleep 100");

fn main() {
    SLEEPER.port();
}
