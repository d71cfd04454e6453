use summon::{Error, Executor, Process, summon};

struct Mailhog;

impl Executor for Mailhog {
    fn start(&self) -> Result<(), Error> {
        Ok(())
    }

    fn stop(&self) -> Result<(), Error> {
        Ok(())
    }
}

#[summon(executor = Mailhog)]
fn f(mailhog: &Process) {}

fn main() {}
