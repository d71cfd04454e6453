#[summon::summon(output = "my-worker")]
fn f() {}

fn main() {}
