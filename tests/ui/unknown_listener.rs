#[summon::summon(tcp = "my-server", listener = "mine")]
fn f() {}

fn main() {}
