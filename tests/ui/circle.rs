use summon::{Process, summon};

#[summon(simple = "a --peer {b.port}")]
#[summon(simple = "b", env("PEER", "{c.port}"))]
#[summon(simple = "c", after = "a")]
fn f(a: &Process, b: &Process, c: &Process) {}

fn main() {}
