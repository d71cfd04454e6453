#[summon::summon(simple("sleep", "100"))]
fn f() {}

fn main() {}
