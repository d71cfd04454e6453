use summon::summon;

#[summon(tcp = "redis-server --port 6379", port = "6379")]
fn f1() {}

#[summon(tcp = "redis-server", port = "{port}")]
fn f2() {}

#[summon(tcp = "redis-server --port {port}", host = 127.0.0.1)]
fn f3() {}

#[summon(simple = "my-server", user = 0)]
fn f4() {}

#[summon(simple = "my-server", nice = "5")]
fn f5() {}

#[summon(simple = "my-server", arg = 5)]
fn f6() {}

#[summon(simple = "my-server", expect_exit = "0")]
fn f7() {}

#[summon(output = "my-server", banner = "^ready", times = "2")]
fn f8() {}

#[summon(simple = "my-server", and = "^ready")]
fn f9() {}

fn main() {}
