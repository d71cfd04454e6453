#[summon::summon(simple = ["echo", "$HOME"], shell = true)]
fn f() {}

fn main() {}
