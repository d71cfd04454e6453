#[summon::summon(http = "my-api --port {port}", url = "http://localhost:{port}/", path = "/health")]
fn f() {}

fn main() {}
