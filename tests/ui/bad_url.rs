use summon::summon;

#[summon(http = "my-api --port {port}", url = "localhost:{port}/health")]
fn no_scheme() {}

#[summon(http = "my-api --port 99999", url = "http://localhost:99999/health")]
fn no_port() {}

#[summon(http = "my-api --port {port}", path = "/the health")]
fn path() {}

#[summon(http = "my-api --port {port}", url = "https://localhost:{port}/health")]
fn tls() {}

fn main() {}
