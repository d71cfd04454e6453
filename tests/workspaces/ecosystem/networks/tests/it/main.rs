//! Clients of other projects on a link, one module each: what each verb looks like to them.

mod pool;
mod postgres;
mod redis;
mod reqwest;

use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use summon::{Link, Way};

/// A time-out for requests that can't succeed.
const SHORT: Duration = Duration::from_millis(100);
/// A time-out for requests that must succeed.
const LONG: Duration = Duration::from_secs(60);

/// Returns the duration of a call, and its result.
fn timed<R>(call: impl FnOnce() -> R) -> (Duration, R) {
    let began = Instant::now();
    let result = call();
    (began.elapsed(), result)
}

/// Asks until the condition holds.
fn eventually(mut condition: impl FnMut() -> bool) {
    let limit = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < limit, "in vain");
    }
}

/// Calls on another thread while the link is silent. The call must wait until the link is healed.
fn waits_while_silent<R: Send>(link: &Link, call: impl FnOnce() -> R + Send) -> R {
    thread::scope(|threads| {
        let asking = link.silenced(|| waits(threads, call)).unwrap();
        asking.join().unwrap()
    })
}

/// Does the same while one direction is silent.
fn waits_for_one_way<R: Send>(link: &Link, way: Way, call: impl FnOnce() -> R + Send) -> R {
    thread::scope(|threads| {
        let one_way = link.one_way(way);
        let asking = one_way.silenced(|| waits(threads, call)).unwrap();
        asking.join().unwrap()
    })
}

fn waits<'s, R: Send + 's>(
    threads: &'s Scope<'s, '_>,
    call: impl FnOnce() -> R + Send + 's,
) -> ScopedJoinHandle<'s, R> {
    let asking = threads.spawn(call);
    // If this is too short, the test may pass by mistake, and never fails by mistake.
    thread::park_timeout(SHORT);
    assert!(!asking.is_finished());
    asking
}
