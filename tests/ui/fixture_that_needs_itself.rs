use summon::Fixture;

#[summon::fixture(tcp = "redis-server --port {REDIS.port}")]
static REDIS: Fixture;

fn main() {}
