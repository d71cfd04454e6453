//! A user's probe that wraps a probe of summon passes on all that summon knows about that probe.

use std::sync::atomic::{AtomicBool, Ordering};

use summon::probe::{self, NotReady, Probe, Target};
use summon::{Coordinated, SimpleExecutor, orchestrated};

use crate::support::{actor, error_at_limit};
use crate::turns::free_port;

/// A user's probe: it refuses once, and then asks the probe inside.
struct Twice<P> {
    inner: P,
    asked: AtomicBool,
}

fn twice<P: Probe>(inner: P) -> Twice<P> {
    let asked = AtomicBool::new(false);
    Twice { inner, asked }
}

impl<P: Probe> Probe for Twice<P> {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        match self.asked.swap(true, Ordering::Relaxed) {
            true => self.inner.look(target),
            false => Err(NotReady::yet("ask me twice")),
        }
    }

    fn wrapped(&self) -> Option<&dyn Probe> {
        Some(&self.inner)
    }
}

#[test]
fn the_placeholder_of_the_port() {
    let (port, script) = (free_port(), actor(["listen", "{host}:{port}"]));
    let server = Coordinated::with(script, twice(probe::tcp("127.0.0.1", port)));
    assert_eq!((server.port(), server.host()), (port, "127.0.0.1".into()));
    server.start().unwrap();
    assert_eq!(server.addr(), ([127, 0, 0, 1], port).into());
}

#[test]
fn the_description_and_the_hints() {
    let hint = "set `host = \"127.0.0.1\"`";
    // `any` has its own list of hints.
    let any = |host| twice(probe::any((probe::file("{dir}/up"), probe::tcp(host, 0))));
    for is_any in [false, true] {
        let script = actor(["listen", "127.0.0.1:{port}"]);
        let error = error_at_limit(hint, |limit| match is_any {
            false => Coordinated::with(script.clone(), twice(probe::tcp("::1", 0)))
                .timeout(limit)
                .start()
                .unwrap_err(),
            true => Coordinated::with(script.clone(), any("::1"))
                .timeout(limit)
                .start()
                .unwrap_err(),
        });
        assert!(error.contains(hint), "{error}");
        assert!(error.contains("tcp ::1:"), "{error}");
    }
}

#[test]
fn the_check_of_its_arguments() {
    let server = Coordinated::with("no-such-program", twice(probe::tcp("localhost:80", 0)));
    let error = server.start().unwrap_err().to_string();
    assert!(error.contains("`localhost:80` is not a host"), "{error}");
}

#[test]
fn the_values_of_its_banner() {
    let banner = probe::output(r"^on port (?<port>\d+)$");
    let server = Coordinated::with("sh -c 'echo on port 81; exec sleep 1000'", twice(banner));
    server.start().unwrap();
    assert_eq!(server.port(), 81);
}

#[test]
fn the_socket_for_its_notices() {
    let script = actor(["notify", "READY=1"]);
    let server = Coordinated::with(script, twice(probe::notify()));
    server.start().unwrap();
}

#[test]
fn the_order_that_its_placeholders_ask_for() {
    let first = SimpleExecutor::new("sleep 1000")
        .named("first")
        .after("second");
    let second = twice(probe::file("{first.dir}/up"));
    let second = Coordinated::with("sleep 1000", second).named("second");
    // The placeholder puts `first` before `second`, so no order is left.
    let error = orchestrated((&first, &second)).unwrap_err().to_string();
    let expected = "these processes wait for each other: ";
    assert!(error.contains(expected), "{error}");
}

/// A probe that refuses, around probes that are ready.
struct Refuses(probe::Any);

impl Probe for Refuses {
    fn look(&self, _: &Target<'_>) -> Result<(), NotReady> {
        Err(NotReady::ever("not today"))
    }

    fn wrapped(&self) -> Option<&dyn Probe> {
        Some(&self.0)
    }
}

#[test]
fn but_not_its_say_over_the_wrapper() {
    let server = Coordinated::with("sleep 1000", Refuses(probe::any([probe::started()])));
    let error = server.start().unwrap_err().to_string();
    assert!(error.contains("not today"), "{error}");
}
