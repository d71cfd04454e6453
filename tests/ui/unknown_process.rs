use summon::{Process, summon};

#[summon(simple = "my-api --db {pg.port}", after = "redsi")]
#[summon(tcp = "/usr/bin/redis-server --port {port}")]
#[summon(tcp = "postgres -p {port}", name = "db")]
fn of_several() {}

#[summon(simple = "my-api --db {db.port}")]
fn of_one(_api: &Process) {}

#[summon(simple = "my-api --db {PG.url}")]
fn of_a_static(_api: &Process) {}

fn main() {}
