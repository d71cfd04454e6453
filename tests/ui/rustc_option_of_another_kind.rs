#[summon::summon(tcp = "my-api --port {port}", status = 200)]
fn f() {}

fn main() {}
