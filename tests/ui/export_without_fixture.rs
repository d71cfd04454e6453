use summon::{Fixture, summon};

#[summon(tcp = "redis-server --port {port}", export = "REDIS_URL")]
fn f() {}

#[summon::fixture(tcp = "redis-server --port {port}", export = "REDIS_URL")]
static REDIS: Fixture;

fn main() {}
