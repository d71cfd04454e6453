#[summon::summon("redis-server --port {port}")]
fn f() {}

fn main() {}
