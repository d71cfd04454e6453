#[summon::summon(tcp = "my-server", listen_fd)]
fn f() {}

fn main() {}
