//! When a test has panicked. Its scopes unwind only after the message is printed, and a backtrace takes
//! seconds to print in a debug build.

use std::cell::Cell;
use std::panic;
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

thread_local! {
    static AT: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Notes the time of each panic from now on, and calls the hook that was there before. If somebody sets
/// another hook later, the time of a panic is not known.
pub(crate) fn note_times() {
    static NOTES: Once = Once::new();
    // A thread that panics may not change the hook.
    if NOTES.is_completed() || thread::panicking() {
        return;
    }
    NOTES.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            // A thread that ends may have lost its locals already.
            let _ = AT.try_with(|at| at.set(Some(Instant::now())));
            before(panic);
        }));
    });
}

/// A test that has failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    panicked: Option<Instant>,
    /// When that was seen.
    pub(crate) seen: Instant,
}

impl Failure {
    /// That of this thread's test, which has begun its processes at `begun`.
    pub(crate) fn since(begun: Instant) -> Failure {
        let panicked = AT.try_with(Cell::get).ok().flatten();
        Failure {
            // An earlier one was caught.
            panicked: panicked.filter(|at| thread::panicking() && *at >= begun),
            seen: Instant::now(),
        }
    }

    /// How long before the failure something has happened. A client that panics at the end of its
    /// connection does so before the end of its server is seen: that is no time.
    pub(crate) fn after(&self, at: Instant) -> Duration {
        let failed = self.panicked.unwrap_or(self.seen);
        failed.saturating_duration_since(at)
    }
}
