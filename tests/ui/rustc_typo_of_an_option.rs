use summon::summon;

#[summon(simple = "my-server", timeuot = "5s")]
fn option() {}

#[summon(tcp = "redis-server --port 6379", prot = 6379)]
fn part() {}

fn main() {}
