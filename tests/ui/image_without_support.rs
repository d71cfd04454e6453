use summon::summon;

#[summon(image = "redis:7", unix = "--unixsocket {dir}/s", socket = "{dir}/s")]
fn of_a_socket_file() {}

#[summon(image = "redis:7", tcp = "", port = 6379, before = "redis-check-aof x")]
fn with_a_command_before() {}

#[summon(image = "redis:7", tcp = "a && b", port = 6379)]
fn with_syntax_of_a_shell() {}

#[summon(image = "redis:7", tcp = "", port = 6379)]
fn right() {}

fn main() {}
