use summon::{Process, summon};

#[summon(tpc = "redis-server --port {port}", timeout = "5s")]
fn f(redis: &Process) {
    redis.port();
}

fn main() {}
