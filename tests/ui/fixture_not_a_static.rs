use summon::Fixture;

#[summon::fixture(simple = "sleep 100")]
const CONST: Fixture;

#[summon::fixture(simple = "sleep 100")]
fn function() {}

#[summon::fixture(simple = "sleep 100")]
const fn const_function() {}

fn main() {
    CONST.port();
    function();
    const_function();
}
