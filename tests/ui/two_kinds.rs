#[summon::summon(tcp = "redis-server --port {port}", output = "my-worker", banner = "up")]
fn f() {}

fn main() {}
