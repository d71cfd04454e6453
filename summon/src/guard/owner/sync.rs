//! Waits until the log and the known state are complete.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::guarded::{Guarded, PATIENCE};
use crate::guard::protocol::message::Order;
use crate::guard::state::State;
use crate::sys::proc;

/// How long to wait for the guard's answer. After that the report does without it.
const ANSWER: Duration = Duration::from_secs(5);
/// How long a program may take to end after it has closed a connection.
const MOMENT: Duration = Duration::from_millis(20);
/// The same for a program that is running: on a busy machine it may wait for a processor.
const BUSY: Duration = Duration::from_millis(200);
/// The same for a program that the kernel has begun to take apart. Much memory takes long.
const ENDING: Duration = Duration::from_secs(2);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(1);

impl Guarded {
    /// Halts all processes of the service, or resumes them. Returns when that is done.
    pub(crate) fn pause(&self, pause: bool) -> io::Result<()> {
        self.order(&Order::Pause(pause))?;
        self.sync()
    }

    /// Returns when the log has all output from before the call, and an earlier end is known.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.ask_within(PATIENCE, Order::Sync)
    }

    /// Sends a numbered order, and waits for the answer with this number.
    fn ask_within(&self, limit: Duration, order: impl FnOnce(u64) -> Order) -> io::Result<()> {
        // An answer to a later request also answers this one.
        let number = self.syncs.fetch_add(1, Ordering::Relaxed) + 1;
        self.order(&order(number))?;
        let until = Instant::now() + limit;
        let known = self.wait_until(until, &[], |state| state.synced >= number || state.gone)?;
        known
            .map(drop)
            .ok_or_else(|| io::Error::new(io::ErrorKind::TimedOut, "the guard does not answer"))
    }

    /// Waits until the log has all output so far, and an end so far is known. Usually takes less
    /// than a millisecond.
    pub(crate) fn catch_up(&self) {
        let _ = self.ask_within(ANSWER, Order::Sync);
    }

    /// Waits until the log has all output so far.
    ///
    /// A guard that sleeps has nothing to write, and asking it would wake three threads in turn. It
    /// sleeps only in `poll`. Output wakes it before the program's `write` returns, and it sleeps
    /// again only when the pipe is empty.
    pub(crate) fn complete_log(&self) {
        let guard = self.state().pids.map(|(guard, _)| guard);
        if !guard.is_some_and(proc::is_asleep) {
            self.catch_up();
        }
    }

    /// Tells the guard how long the log was when the service first became ready. Later output is
    /// written during a test.
    pub(crate) fn note_ready(&self, length: u64) {
        let _ = self.order(&Order::Ready(length));
    }

    /// Like [`Guarded::catch_up`], for a test that failed at `failed`.
    ///
    /// A client sees the end of its connection before the server's end is visible: the kernel
    /// closes the descriptors of a dying process first. So this waits a moment for that end.
    /// Returns at once if the service has ended already.
    pub(crate) fn post_mortem(&self, failed: Instant) -> State {
        self.catch_up();
        loop {
            let state = self.state();
            let over = failed + patience(&state);
            if state.exit.is_some() || state.gone || Instant::now() >= over {
                break;
            }
            // A short pause, because the patience depends on the state of the processes: a program
            // that starts to end meanwhile gets more time.
            let next = (Instant::now() + PAUSE).min(over);
            let has_ended = |state: &State| state.exit.is_some() || state.gone;
            if self.wait_until(next, &[], has_ended).is_err() {
                break;
            }
        }
        // The last output may have arrived with the end.
        self.catch_up();
        self.state()
    }
}

/// Returns how long to wait for the service's end, depending on its present activity.
fn patience(state: &State) -> Duration {
    let Some((guard, leader)) = state.pids else {
        return Duration::ZERO;
    };
    // A program that waits for a child, for example a shell, ends after the child.
    let family = proc::service(guard, leader).unwrap_or_default();
    // A zombie has ended, and may stay a zombie for ever.
    let is_ending = |pid: &u32| proc::is_ending(*pid) && !proc::has_ended(*pid);
    match () {
        // The longest patience first: one process that is ending outweighs others that are idle.
        () if family.iter().any(is_ending) => ENDING,
        () if proc::is_service_busy(guard, leader) => BUSY,
        () => MOMENT,
    }
}
