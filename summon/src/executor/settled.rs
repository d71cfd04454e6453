//! What the inner scope of a test has done for the outer one.

use std::sync::atomic::{AtomicBool, Ordering};

/// A test with an `export` may have two scopes. The inner one ends first, so it prints the reports and holds
/// the test, and the outer one does neither again.
#[derive(Debug, Default)]
#[doc(hidden)]
pub struct Settled {
    is_told: AtomicBool,
    is_held: AtomicBool,
}

impl Settled {
    /// Notes that the inner scope begins: another attribute may run the body more than once.
    pub(crate) fn begin(&self) {
        self.is_told.store(false, Ordering::Relaxed);
        self.is_held.store(false, Ordering::Relaxed);
    }

    /// Notes that the failure of the test is told.
    pub(crate) fn tell(&self) {
        self.is_told.store(true, Ordering::Relaxed);
    }

    /// Notes that the test was held, or must not be held.
    pub(crate) fn hold(&self) {
        self.is_held.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_told(&self) -> bool {
        self.is_told.load(Ordering::Relaxed)
    }

    pub(crate) fn is_held(&self) -> bool {
        self.is_held.load(Ordering::Relaxed)
    }
}
