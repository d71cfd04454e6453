//! Values that are not literals, and literals that look wrong but are right.
#![expect(dead_code, reason = "that it compiles is the test")]

use std::time::Duration;

use summon::{Signal, probe, summon};

const COMMAND: &str = "my-server 'unclosed";
const PORT: u16 = 0;

#[summon(tcp = COMMAND, port = PORT, timeout = Duration::from_millis(5), stop_timeout = "1h 30m")]
fn constants() {}

#[summon(output = format!("my-server {}", COMMAND), banner = concat!("(", "up"), unless = "a|b", unless = "c")]
fn macros() {}

#[summon(http = ["my server", "--say", "it's"], url = format!("http://localhost:{{port}}/{}", 1), status = [200, 401])]
fn words() {}

#[summon(exec = vec!["my-server"], probe = &["is", "it", "up"][..], stop_signal = Signal::INT)]
fn lists() {}

#[summon(simple = "my-server", arg = "", args(["a b", "'"]), args = [COMMAND], envs([("A", "'"), ("B", "")]), env_remove("C"), env_remove("D"))]
fn options_that_add() {}

#[summon(
    http = "my-server",
    host = "[::1]",
    port = 8080u16,
    path = "health?a=b&c={name}",
    header("A", "{b}"),
    header("C", "d"),
    body = "{print}"
)]
fn texts_without_placeholders() {}

#[summon(simple = "my-server $(unclosed '", shell = true, and(probe::started()), and(probe::any((probe::started(), probe::notify()))))]
fn a_language_of_its_own() {}

#[summon(simple = if cfg!(debug_assertions) { "a" } else { "b" }, shell = !cfg!(windows))]
fn expressions() {}

#[summon(
    simple = "my-server",
    stop_signal = "INT",
    umask = 0o022,
    dir_mode = 0o755,
    log_limit = "1 MiB"
)]
#[summon(
    simple = "other-server",
    stop_signal = "SIGUSR1",
    umask = 0,
    log_limit = 100_000,
    expect_exit = 0..3
)]
#[summon(http = "my-api", name = "api", status = 0..1000, listener = "any")]
fn values_in_any_form() {}

macro_rules! summoned {
    ($command:literal, $port:expr) => {
        #[summon(tcp = $command, port = $port)]
        fn made_by_a_macro() {}
    };
}

summoned!("my-server {name}", 8080);
