use summon::summon;

#[summon(simple = "echo it's")]
fn quote() {}

#[summon(simple = "my-server C:\\")]
fn backslash() {}

fn main() {}
