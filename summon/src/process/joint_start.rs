//! The start of all processes of a set.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Whether the processes of a set are being started together. One thread starts them. Any thread may
/// call the start off: no process of the set begins to start after that.
#[derive(Debug, Default)]
pub(crate) struct JointStart {
    phase: Mutex<Phase>,
    over: Condvar,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    None,
    InProgress,
    CalledOff,
}

/// A start in progress. Dropping it ends the start.
#[derive(Debug)]
pub(crate) struct InProgress<'a>(&'a JointStart);

impl JointStart {
    /// Claims the start. Returns `None` if one is in progress.
    pub(crate) fn claim(&self) -> Option<InProgress<'_>> {
        let mut phase = self.lock();
        let is_first = *phase == Phase::None;
        is_first.then(|| {
            *phase = Phase::InProgress;
            InProgress(self)
        })
    }

    /// Calls off a start in progress.
    ///
    /// Stop the processes after this call, not before: a start that has not begun then sees the
    /// call, and the stop cancels every other start.
    pub(crate) fn call_off(&self) {
        let mut phase = self.lock();
        if *phase == Phase::InProgress {
            *phase = Phase::CalledOff;
        }
    }

    pub(crate) fn is_called_off(&self) -> bool {
        *self.lock() == Phase::CalledOff
    }

    /// Waits until no start is in progress.
    pub(crate) fn wait(&self) {
        let over = self.over.wait_while(self.lock(), |it| *it != Phase::None);
        drop(over.unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        *self.0.lock() = Phase::None;
        self.0.over.notify_all();
    }
}
