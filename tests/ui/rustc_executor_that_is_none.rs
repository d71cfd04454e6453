use summon::summon;

struct Mailhog;

#[summon(executor = Mailhog)]
fn f(mailhog: &Mailhog) {}

fn main() {}
