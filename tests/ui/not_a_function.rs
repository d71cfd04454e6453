use summon::{Fixture, summon};

#[summon(simple = "sleep 100")]
struct Sleeper;

#[summon(simple = "sleep 100")]
mod tests {}

#[summon(simple = "sleep 100")]
static SLEEPER: Option<Fixture> = None;

trait Suite {
    #[summon(simple = "sleep 100")]
    fn test(&self);
}

fn main() {
    let _ = Sleeper;
}
