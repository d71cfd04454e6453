//! A server that becomes well is found ready soon, although summon asks it gently.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::server;

/// Returns how long a server is already well when it is found ready. `seen` tells from its output that it is
/// well after this time.
fn lateness<const N: usize>(script: [&str; N], seen: &str, after: Duration) -> Duration {
    // On a busy machine, the default limit has fewer requests than a script counts.
    let server = server(script).timeout("5m");
    thread::scope(|threads| {
        let ready = threads.spawn(|| {
            server.start().unwrap();
            Instant::now()
        });
        let is_seen = || String::from_utf8_lossy(&server.output()).contains(seen);
        while !is_seen() && !ready.is_finished() {
            thread::sleep(Duration::from_millis(1));
        }
        let well = Instant::now() + after;
        ready.join().unwrap().saturating_duration_since(well)
    })
}

/// The usual lateness without work: half of a pause, which is a tenth of the wait of 7 s.
const USUAL: Duration = Duration::from_millis(350);

/// Compares six servers that work when they become well with six that become well without work, so that
/// summon finds them after a pause. All run at the same time, so a busy machine delays both. There, the
/// servers without work may do some by chance, and are found sooner than usual.
fn is_shorter_with(worker: impl Fn(usize) -> Duration + Copy + Send + 'static) -> bool {
    let idler = |number: usize| {
        let boot = 7000 + 130 * number as u64;
        let script = [
            "say",
            "begun",
            "sick",
            "127.0.0.1:{port}",
            &boot.to_string(),
        ];
        lateness(script, "begun\n", Duration::from_millis(boot))
    };
    let run = |number| {
        (
            thread::spawn(move || worker(number)),
            thread::spawn(move || idler(number)),
        )
    };
    let running: Vec<_> = (0..6).map(run).collect();
    let (workers, idlers): (Vec<_>, Vec<_>) = running.into_iter().unzip();
    let median = |servers: Vec<JoinHandle<Duration>>| {
        let late = servers.into_iter().map(|it| it.join().unwrap());
        let mut late: Vec<Duration> = late.collect();
        late.sort();
        println!("late by {late:?}");
        late[late.len() / 2]
    };
    let (workers, idlers) = (median(workers), median(idlers));
    println!("{workers:?} beside {idlers:?}");
    2 * workers < idlers.max(USUAL)
}

fn work_makes_the_wait_shorter(worker: impl Fn(usize) -> Duration + Copy + Send + 'static) {
    // A busy machine may delay only those that work, by chance.
    let is_shorter = (0..3).any(|_| is_shorter_with(worker));
    assert!(is_shorter, "none of three comparisons shows it");
}

/// The pauses are long after some seconds. But a server that recovers works, and summon sees that.
#[test]
fn a_server_that_recovers_is_asked_soon() {
    work_makes_the_wait_shorter(|number| {
        let boot = (7000 + 130 * number).to_string();
        let addr = "127.0.0.1:{port}";
        lateness(
            ["ill", addr, "boot", &boot, "recover", "say", "well"],
            "well\n",
            Duration::ZERO,
        )
    });
}

/// Its work is then as soon after the answer as work that belongs to the request.
#[test]
fn a_server_that_recovers_right_after_an_answer_is_asked_soon() {
    work_makes_the_wait_shorter(|number| {
        let (addr, request) = ("127.0.0.1:{port}", (43 + number / 3).to_string());
        let script = ["heal", addr, &request, "12", "boot", "20000", "wait"];
        lateness(script, "well\n", Duration::ZERO)
    });
}

/// summon has not yet read the answer, so it can't tell this work from that of the request.
#[test]
fn a_server_that_recovers_before_its_answer_was_read_is_asked_soon() {
    work_makes_the_wait_shorter(|number| {
        let (addr, request) = ("127.0.0.1:{port}", (55 + number / 3).to_string());
        let script = ["heal", addr, &request, "0", "boot", "20000", "wait"];
        lateness(script, "well\n", Duration::ZERO)
    });
}
