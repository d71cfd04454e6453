use summon::{Process, SimpleExecutor};

#[summon::fixture(simple = "sleep 100")]
static SLEEPER: Process;

#[summon::fixture(simple = "sleep 100")]
static EXECUTOR: SimpleExecutor;

fn main() {
    SLEEPER.port();
    EXECUTOR.port();
}
