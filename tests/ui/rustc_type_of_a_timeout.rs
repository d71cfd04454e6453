#[summon::summon(simple = "my-server", timeout = 5)]
fn f() {}

fn main() {}
