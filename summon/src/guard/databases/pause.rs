//! The pause after a refusal that passes by itself, such as too many connections.

use std::time::{Duration, Instant};

/// How long the server has peace after a refusal. No server tells when it would accept.
const LENGTH: Duration = Duration::from_millis(20);

/// The last such refusal, if no job has succeeded since.
#[derive(Debug, Default)]
pub(super) struct Pause {
    pub(super) why: Option<String>,
    /// When to connect again.
    pub(super) until: Option<Instant>,
}

impl Pause {
    /// Begins a pause. Returns whether this is the first refusal in a row.
    pub(super) fn begin(&mut self, why: String) -> bool {
        self.until = Some(Instant::now() + LENGTH);
        self.why.replace(why).is_none()
    }

    /// Returns whether no connection may be opened now.
    pub(super) fn rests(&mut self) -> bool {
        // Cleared when it is over: otherwise the guard would wake up for a time in the past.
        self.until = self.until.filter(|until| Instant::now() < *until);
        self.until.is_some()
    }
}
