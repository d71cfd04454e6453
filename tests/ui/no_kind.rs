#[summon::summon(timeout = "5s", env("A", "b"))]
fn f() {}

fn main() {}
