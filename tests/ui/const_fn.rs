use summon::{Process, summon};

#[summon(simple = "sleep 100")]
const fn f(sleeper: &Process) {
    sleeper.port();
}

fn main() {}
