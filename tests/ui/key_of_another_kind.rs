#[summon::summon(tcp = "my-api --port {port}", path = "/health")]
fn f() {}

fn main() {}
