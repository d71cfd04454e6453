use summon::summon;

#[summon(simple = "my-server", timeout = "5")]
fn no_unit() {}

#[summon(simple = "my-server", stop_timeout = "soon")]
fn no_number() {}

fn main() {}
