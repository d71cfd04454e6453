use summon::summon;

#[summon(image = "redis:7", tcp = "", port = 6379, stop_command = "redis-cli shutdown")]
fn with_a_command_to_stop() {}

#[summon(image = "redis:7", tcp = "a && b", port = 6379)]
fn with_syntax_of_a_shell() {}

#[summon(image = "redis:7", tcp = "", port = 6379)]
fn right() {}

fn main() {}
