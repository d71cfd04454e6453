//! The last refusal of the server that passes by itself, such as too many connections.

use std::time::{Duration, Instant};

/// How long the server has peace after a refusal.
const PAUSE: Duration = Duration::from_millis(20);

/// The last refusal, if no job has succeeded since.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    pub(super) why: Option<String>,
    /// When to connect again.
    pub(super) until: Option<Instant>,
}

impl Refusal {
    /// Begins a pause. Returns whether this is the first refusal in a row.
    pub(super) fn begin(&mut self, why: String) -> bool {
        self.until = Some(Instant::now() + PAUSE);
        self.why.replace(why).is_none()
    }

    /// Returns whether no connection may be opened now.
    pub(super) fn rests(&mut self) -> bool {
        // Cleared when it is over: otherwise the guard would wake up for a time in the past.
        self.until = self.until.filter(|until| Instant::now() < *until);
        self.until.is_some()
    }
}
