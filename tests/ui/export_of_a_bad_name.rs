use summon::{Fixture, summon};

#[summon::fixture(tcp = "redis-server --port {port}")]
static REDIS: Fixture;

#[summon(fixture = REDIS, export = "REDIS=URL")]
fn f() {}

#[summon(fixture = REDIS, export = "")]
fn g() {}

#[summon(fixture = REDIS, export = "A\0B", export = "B")]
fn h() {}

fn main() {}
