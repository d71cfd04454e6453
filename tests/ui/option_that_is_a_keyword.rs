use summon::summon;

#[summon(simple = "sleep 100", type = "notify", r#in("a"))]
fn waits() {}

fn main() {}
