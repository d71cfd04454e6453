use summon::Fixture;

#[summon::fixture(simple = "sleep 100")]
static ONE: Fixture;

#[summon::fixture(fixture = ONE)]
static TWO: Fixture;

fn main() {
    TWO.port();
}
