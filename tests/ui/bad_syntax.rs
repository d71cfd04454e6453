use summon::{Process, summon};

#[summon(tcp = "redis-server --port {port}" timeout = "5s")]
fn forgotten_comma(redis: &Process) {
    redis.port();
}

#[summon(tcp = "redis-server --port {port}", port = , timeout = "5")]
fn forgotten_value() {}

#[summon(tcp = "redis-server --port {port}", port: 6379, timeout = "5")]
fn colon() {}

#[summon(tcp = "redis-server --port {port}", env["A", "b"])]
fn brackets() {}

fn main() {}
