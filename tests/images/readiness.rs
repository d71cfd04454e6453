//! A container is ready when its program serves. A listening proxy of the engine does not count.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use summon::{TcpCoordinatedExecutor, probe};

use crate::engine::{ACTOR, is_podman};

/// The number of starts.
const STARTS: usize = 20;
/// How many at a time.
const AT_A_TIME: usize = 5;

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn is_never_that_of_the_proxy_of_the_engine() {
    let delay = Duration::from_secs(3);
    let one = || {
        let script = format!("boot {} listen 0.0.0.0:80", delay.as_millis());
        let late = TcpCoordinatedExecutor::new(script, "localhost", 80).image(ACTOR);
        let is_ready = AtomicBool::new(false);
        thread::scope(|scope| {
            // Something outside accepts connections before the program does.
            let proxy = scope.spawn(|| {
                let mut accepted = false;
                while !is_ready.load(Ordering::Relaxed) {
                    let addr = ("127.0.0.1", late.port());
                    accepted |= TcpStream::connect(addr).is_ok();
                    thread::sleep(Duration::from_millis(20));
                }
                accepted
            });
            let began = Instant::now();
            late.start().unwrap();
            is_ready.store(true, Ordering::Relaxed);
            assert!(began.elapsed() >= delay, "{:?}", began.elapsed());
            // Podman's rules lead each connection to the container, past the socket that it holds.
            let has_accepted = proxy.join().unwrap();
            assert!(
                has_accepted || is_podman(),
                "no proxy listens, so this test shows nothing"
            );
        });
    };
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| (0..STARTS / AT_A_TIME).for_each(|_| one()));
        }
    });
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn names_the_port_that_the_program_has_instead() {
    let server = TcpCoordinatedExecutor::new("listen 0.0.0.0:6379", "localhost", 0)
        .image(ACTOR)
        .timeout("10s");
    let report = server.start().unwrap_err().to_string();
    let seen = "nothing listens there in the container; it listens on 0.0.0.0:6379";
    assert!(report.contains(seen), "{report}");
    let remedy = "\n  hint      if that is its port in the container, set `port = 6379`; or pass";
    assert!(report.contains(remedy), "{report}");
    // Its own port is no answer to the question where another one is.
    let two = "listen 0.0.0.0:{port} listen 0.0.0.0:6379";
    let server = TcpCoordinatedExecutor::new(two, "localhost", 0)
        .and(probe::http("http://localhost:{port:15672}/"))
        .image(ACTOR)
        .timeout("10s");
    let report = server.start().unwrap_err().to_string();
    assert!(report.contains(&format!("{seen} (")), "{report}");
    let remedy =
        "\n  hint      if it serves on port 6379, write `{port:6379}` in place of `{port:15672}`";
    assert!(report.contains(remedy), "{report}");
}
