//! Everything that a guard knows, for a report: what has happened by now, and what is about to be
//! seen.

use std::time::{Duration, Instant};

use super::message::Order;
use super::owner::Guarded;
use super::state::State;
use crate::sys::proc;

/// A guard that does not answer for so long does not answer: the report is made without it.
const ANSWER: Duration = Duration::from_secs(5);
/// A program that closes a connection because it dies has so long to do so.
const MOMENT: Duration = Duration::from_millis(20);
/// As long as it runs, it may be on its way there: on a busy machine it waits for its turn.
const BUSY: Duration = Duration::from_millis(200);
/// The system has begun to take it apart, which takes long where there is much of it.
const ENDING: Duration = Duration::from_secs(2);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(1);

impl Guarded {
    /// Has everything in the log that was written by now, and learns of an end that has come by
    /// now. As a rule this takes less than a millisecond.
    pub(crate) fn catch_up(&self) {
        let _ = self.ask_within(ANSWER, Order::Sync);
    }

    /// The same, when the service has become ready. Its guard notes that what comes next is written
    /// during a test.
    pub(crate) fn note_ready(&self) {
        let _ = self.ask_within(ANSWER, Order::Ready);
    }

    /// The same for a test that fails, at `failed`. A client sees the end of its connection before
    /// anybody sees the end of the server that dies: the kernel closes first what a process holds.
    /// So an end gets a moment to be seen. Returns at once if it has ended already.
    pub(crate) fn post_mortem(&self, failed: Instant) -> State {
        self.catch_up();
        loop {
            let state = self.state();
            let over = failed + patience(&state);
            if state.exit.is_some() || state.gone || Instant::now() >= over {
                break;
            }
            let next = (Instant::now() + PAUSE).min(over);
            let has_ended = |state: &State| state.exit.is_some() || state.gone;
            if self.wait_until(next, &[], has_ended).is_err() {
                break;
            }
        }
        // Its last words, and what it has written since.
        self.catch_up();
        self.state()
    }
}

/// How long to wait for its end, by what it does at this moment.
fn patience(state: &State) -> Duration {
    let Some((guard, leader)) = state.pids else {
        return Duration::ZERO;
    };
    // A program that waits for a child, as a shell does, ends after that one.
    let family = proc::service(guard, leader).unwrap_or_default();
    // A zombie has ended, and may stay one for ever.
    let is_ending = |pid: &u32| proc::is_ending(*pid) && !proc::has_ended(*pid);
    let is_busy = |pid: &u32| proc::is_busy(*pid);
    match () {
        () if family.iter().any(is_ending) => ENDING,
        () if proc::has_ended(leader) || family.iter().any(is_busy) => BUSY,
        () => MOMENT,
    }
}
