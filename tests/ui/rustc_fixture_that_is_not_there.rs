#[summon::summon(fixture = REDIS)]
fn f() {}

fn main() {}
