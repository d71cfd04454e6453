//! A hold names the container of a program, and the command for a shell in it.

use summon::{SimpleExecutor, TcpCoordinatedExecutor};

use crate::apart;
use crate::engine::{ACTOR, stem};

/// Returns what a test of this process has written while it was held.
fn said(test: &str) -> String {
    let output = apart::run(&format!("held::{test}"), &[("SUMMON_HOLD", &"100ms")]);
    apart::said(&output)
}

/// Returns the rest of the line after this text.
#[track_caller]
fn after<'a>(said: &'a str, text: &str) -> &'a str {
    let (_, rest) = said.split_once(text).unwrap_or_else(|| panic!("{said}"));
    rest.lines().next().unwrap()
}

fn server() -> TcpCoordinatedExecutor {
    let server = TcpCoordinatedExecutor::new(["listen", "0.0.0.0:80"], "localhost", 80);
    let server = server.image(ACTOR).named("server");
    server.start().unwrap();
    server
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn names_the_container_and_a_shell_in_it() {
    if apart::is_here() {
        let _server = server();
        panic!("on purpose");
    }
    let said = said("names_the_container_and_a_shell_in_it");
    let name = after(&said, ", container ");
    assert!(name.len() == 12, "{said}");
    let shell = format!("            {} exec -it {name} sh\n", stem());
    assert!(said.contains(&shell), "{said}");
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn says_that_a_container_is_paused() {
    if apart::is_here() {
        let server = server();
        let _ = server.paused(|| {
            let other = SimpleExecutor::new("sleep 1000");
            other.start().unwrap();
            panic!("on purpose");
        });
    }
    let said = said("says_that_a_container_is_paused");
    let container = after(&said, ", container ");
    assert!(container.ends_with(", paused"), "{said}");
}
