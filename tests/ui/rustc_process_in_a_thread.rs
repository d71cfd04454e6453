use summon::{Process, summon};

#[summon(simple = "sleep 100")]
fn f(sleeper: &Process) {
    std::thread::spawn(move || sleeper.port());
}

fn main() {}
