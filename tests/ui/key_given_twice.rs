use summon::summon;

#[summon(tcp = "redis-server --port {port}", timeout = "5s", env("A", "1"), env("B", "2"), timeout = "6s")]
fn option() {}

#[summon(tcp = "redis-server --port {port}", host = "127.0.0.1", host = "::1")]
fn part() {}

#[summon(simple = "sleep 100", name = "a", named("b"))]
fn alias() {}

fn main() {}
