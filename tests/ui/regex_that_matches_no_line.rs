use summon::{OutputCoordinatedExecutor, Process, summon};

#[summon(output = "my-server", banner = r".*Ready.*\n")]
fn with_a_line_end(server: &Process) {
    let _ = server;
}

#[summon(output = "my-server", banner = "\x1b\\[32mready", unless = "failed$!")]
fn with_a_colour(server: &Process) {
    let _ = server;
}

#[summon(output = "my-server", banner = "[✓✔] (?i)BÄRIG \\w+$")]
fn beyond_ascii(server: &Process) {
    let _ = server;
}

fn main() {
    let _ = OutputCoordinatedExecutor::new("my-server", "ready");
}
