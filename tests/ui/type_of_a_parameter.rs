use std::sync::Arc;
use summon::{Error, Executor, Fixture, Process, SimpleExecutor, summon};

struct Mailhog;

impl Mailhog {
    fn new() -> Mailhog {
        Mailhog
    }
}

impl Executor for Mailhog {
    fn start(&self) -> Result<(), Error> {
        Ok(())
    }

    fn stop(&self) -> Result<(), Error> {
        Ok(())
    }
}

#[summon::fixture(simple = "sleep 100")]
static SLEEPER: Fixture;

#[summon(simple = "a")]
fn by_value(a: Process) {
    assert!(a.is_running());
}

#[summon(simple = "a")]
#[summon(simple = "b")]
fn mutable(a: &Process, b: &mut Process) {}

#[summon(simple = "a")]
#[summon(simple = "b")]
fn wrapped(a: Option<&Process>, b: &Arc<summon::Process>) {}

#[summon(simple = "a")]
fn executor(a: &SimpleExecutor) {}

#[summon(fixture = SLEEPER)]
fn fixture(sleeper: &Fixture) {}

#[summon(executor = Mailhog::new())]
fn executor_of_a_users(mailhog: Mailhog) {}

fn main() {}
