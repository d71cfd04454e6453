#[summon::summon]
fn f() {}

fn main() {}
