#[summon::summon(tcp = "redis-server --port 6379", port = "6379")]
fn f() {}

fn main() {}
