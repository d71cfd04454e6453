#[summon::summon(tcp = "my-server", missing = "ignore")]
fn f() {}

fn main() {}
