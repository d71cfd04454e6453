use std::sync::LazyLock;
use summon::{SimpleExecutor, summon};

static SLEEPER: LazyLock<SimpleExecutor> = LazyLock::new(|| SimpleExecutor::new("sleep 100"));

#[summon(fixture = SLEEPER)]
fn f() {}

fn main() {}
