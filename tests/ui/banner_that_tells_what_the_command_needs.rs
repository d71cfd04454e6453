use summon::summon;

#[summon(output = "my-server --port {port}", banner = r"listening on (?<port>\d+)")]
fn port() {}

#[summon(
    output = "my-server",
    banner = r"admin on (?<port_admin>\d+), key (?<key>\S+) ",
    env("ADMIN", "{port:admin}"),
    with_file("key", "{key}")
)]
fn others() {}

#[summon(output = "my-server --port {port}", banner = r"(?<port_admin>\d+) admin", before = "mkdir {port}")]
#[summon(output = "other {my-server.port_admin}", banner = r"(?<port>\d+) up", name = "other")]
fn text() {}

fn main() {}
