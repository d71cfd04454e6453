use summon::{Process, summon};

#[summon(simple = "a")]
fn too_many(a: &Process, b: &Process) {
    assert_ne!(a.port(), b.port());
}

#[summon(simple = "a")]
#[summon(simple = "b")]
#[summon(simple = "c")]
fn too_few(a: &Process, b: &Process) {}

fn main() {}
