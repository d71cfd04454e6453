//! The fixed ports that this process has.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

/// The turns that this process has.
static TURNS: Mutex<Vec<Taken>> = Mutex::new(Vec::new());

#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) port: u16,
    pub(super) thread: ThreadId,
    pub(super) name: String,
    /// A fixture has the turn, and keeps it to its end.
    pub(super) for_good: bool,
}

pub(super) fn turns() -> MutexGuard<'static, Vec<Taken>> {
    TURNS.lock().unwrap_or_else(PoisonError::into_inner)
}
