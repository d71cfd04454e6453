//! Records when a test panics. The scopes of the test unwind only after the panic message is
//! printed, and in a debug build a backtrace takes seconds to print.

use std::cell::Cell;
use std::panic;
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

thread_local! {
    static AT: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Installs a panic hook that records the time of each panic, and then calls the previous hook. If the
/// test replaces the hook later, the times are unknown.
pub(crate) fn note_times() {
    static NOTES: Once = Once::new();
    // `take_hook` and `set_hook` panic on a thread that is panicking.
    if NOTES.is_completed() || thread::panicking() {
        return;
    }
    NOTES.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            // A panic in the destructor of a thread-local can come after this one is destroyed.
            let _ = AT.try_with(|at| at.set(Some(Instant::now())));
            before(panic);
        }));
    });
}

/// The failure of a test.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    panicked: Option<Instant>,
    /// When summon noticed the failure.
    pub(crate) seen: Instant,
}

impl Failure {
    /// Returns the failure of this thread's test, which started its first process at `begun`.
    pub(crate) fn since(begun: Instant) -> Failure {
        let panicked = AT.try_with(Cell::get).ok().flatten();
        Failure {
            // The test has caught any earlier panic.
            panicked: panicked.filter(|at| thread::panicking() && *at >= begun),
            seen: Instant::now(),
        }
    }

    /// Returns how long before the failure an event happened. Returns zero for a later event: if a
    /// server ends, its client may panic before summon sees that end.
    pub(crate) fn after(&self, at: Instant) -> Duration {
        let failed = self.panicked.unwrap_or(self.seen);
        failed.saturating_duration_since(at)
    }
}
