use summon::{Process, summon};

#[summon(simple = "my-api --db {db.prot} --token {db.token}")]
#[summon(output = "my-db", banner = "token=(?<token>.*)")]
fn f(api: &Process, db: &Process) {}

fn main() {}
