#[summon::summon(simple = "redis-server --port {port}")]
#[summon::summon(simple = "/usr/bin/redis-server --port {port}")]
fn f() {}

fn main() {}
