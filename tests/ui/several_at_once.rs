use summon::{Process, summon};

#[summon(tcp = "redis-server --port '{prot}", port = 0, timeout = "5", timeout = "6s", path = "/")]
#[summon(output = "my-api --db {redis.port} --cache {cache.port}", banner = "(up", unless)]
const fn f(redis: Process, api: &Process) {
    assert_ne!(redis.port(), api.port());
}

fn main() {}
