#[summon::summon(simple = "my-server", env("A"))]
fn f() {}

fn main() {}
