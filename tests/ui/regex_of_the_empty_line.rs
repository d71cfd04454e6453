use summon::summon;

#[summon(output = "my-server", banner = "(ready)?")]
fn banner() {}

#[summon(simple = "my-server", unless = "")]
fn unless() {}

fn main() {}
