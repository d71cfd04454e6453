use summon::summon;

#[summon(simple = "my-server", shell = "true")]
fn f1() {}

#[summon(simple = "my-server", shell = "/bin/bash")]
fn f2() {}

#[summon(simple = "my-server", daemon = 1)]
fn f3() {}

#[summon(simple = "my-server", listen_fd = 3)]
fn f4() {}

fn main() {}
