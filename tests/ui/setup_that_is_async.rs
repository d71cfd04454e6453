use summon::{Error, Process, summon};

async fn seed(_: &Process) -> Result<(), Error> {
    Ok(())
}

#[summon(simple = "sleep 100", setup = seed)]
fn f() {}

fn main() {}
