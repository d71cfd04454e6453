//! What a process does: it starts, runs, and is stopped. One value says which, and threads wait for
//! its changes here.

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::launched::Launched;
use crate::sys;
use crate::sys::fd::{AsFd, BorrowedFd};
use crate::sys::wait::{self, Waker};

/// The life of a process. Threads do not wait for anything else while they hold its lock.
#[derive(Default)]
pub(super) struct Life {
    now: Mutex<Now>,
    /// Notified when a start is over.
    start_over: Condvar,
}

#[derive(Default)]
struct Now {
    state: State,
    /// The number of starts so far, which identifies a start.
    starts: u64,
    /// Woken when a stop ends the wait for a turn before the start.
    early_wait: Option<Arc<Waker>>,
    /// Whether the `before` commands have succeeded.
    prepared: bool,
    /// Set if the process is a fixture.
    fixture: Option<Fixture>,
    /// Whether nobody needs the files of the process after its next stop.
    for_good: bool,
}

#[derive(Default)]
enum State {
    #[default]
    Stopped,
    /// A thread starts the process.
    Starting {
        /// Woken when a stop cancels the start, and never reset.
        cancelled: Arc<Waker>,
        launched: Option<Arc<Launched>>,
    },
    /// The process was started and not stopped. It may have ended by itself.
    Started(Arc<Launched>),
    /// summon has found this server running, and never stops it.
    Reused(SocketAddr),
}

/// The limits on a process that many tests use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fixture {
    pub(super) name: &'static str,
    /// Whether the first use has started the fixture and run its setup.
    begun: bool,
    /// The thread that stops the fixture for good. Set when that stop begins.
    ender: Option<u64>,
}

impl Fixture {
    /// Returns whether tests may use the fixture by now.
    pub(super) fn is_begun(&self) -> bool {
        self.begun
    }

    /// Returns whether this thread may stop the fixture.
    pub(super) fn is_ended_here(&self) -> bool {
        self.ender == Some(sys::this_thread())
    }
}

/// Why a start was refused.
pub(super) enum Busy {
    Running,
    Starting,
    /// The first use has started the fixture, or a thread has stopped it for good. While a process
    /// exits, other threads still run, and could start the fixture again after its stop.
    Fixture(&'static str),
    CalledOff,
    Failed(std::io::Error),
}

/// A stop in progress.
pub(super) struct Stopping {
    pub(super) launched: Option<Arc<Launched>>,
    starts: u64,
}

impl Life {
    fn lock(&self) -> MutexGuard<'_, Now> {
        // A thread that panicked has left a complete value behind.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims the start for this thread. Also returns the previous launch if it was not stopped.
    ///
    /// `is_called_off` is called under the lock. Who calls off the start of a set stops its processes
    /// afterwards, so that this start either sees the call, or is seen by the stop.
    pub(super) fn start(
        &self,
        is_called_off: impl FnOnce() -> bool,
    ) -> Result<(Starting<'_>, Option<Arc<Launched>>), Busy> {
        let cancelled = Arc::new(Waker::new().map_err(Busy::Failed)?);
        let mut now = self.lock();
        if is_called_off() {
            return Err(Busy::CalledOff);
        }
        if let Some(fixture) = now.fixture.filter(|it| it.begun || it.ender.is_some()) {
            return Err(Busy::Fixture(fixture.name));
        }
        let ended = match &now.state {
            State::Starting { .. } if now.state.pid().is_none() => return Err(Busy::Starting),
            State::Starting { .. } | State::Reused(_) => return Err(Busy::Running),
            State::Started(_) if now.state.pid().is_some() => return Err(Busy::Running),
            State::Started(launched) => Some(Arc::clone(launched)),
            State::Stopped => None,
        };
        now.starts += 1;
        now.for_good = false;
        now.state = State::Starting {
            cancelled: Arc::clone(&cancelled),
            launched: None,
        };
        let starting = Starting {
            life: self,
            cancelled,
            reused: Cell::new(None),
        };
        Ok((starting, ended))
    }

    /// Begins a wait before the start. Returns what a stop wakes to end it. See `start` for
    /// `is_called_off`.
    pub(super) fn wait_early(
        &self,
        is_called_off: impl FnOnce() -> bool,
    ) -> Result<Arc<Waker>, Busy> {
        let ended = Arc::new(Waker::new().map_err(Busy::Failed)?);
        let mut now = self.lock();
        if is_called_off() {
            return Err(Busy::CalledOff);
        }
        now.early_wait = Some(Arc::clone(&ended));
        Ok(ended)
    }

    /// Cancels the start in progress, if there is one.
    pub(super) fn cancel_start(&self) {
        self.lock().state.cancel_start();
    }

    /// Begins a stop: cancels a start in progress, and forgets a reused server, which keeps running.
    pub(super) fn begin_stop(&self) -> Stopping {
        let mut now = self.lock();
        now.state.cancel_start();
        now.early_wait.take().into_iter().for_each(|it| it.wake());
        if let State::Reused(_) = now.state {
            now.state = State::Stopped;
        }
        Stopping {
            launched: now.state.launched().cloned(),
            starts: now.starts,
        }
    }

    /// Ends a stop, after its launch has ended. Waits for the start that it has cancelled, which
    /// cleans up by itself.
    pub(super) fn end_stop(&self, stopping: &Stopping) {
        let now = self.lock();
        // A later start has a different number. This stop does not concern it.
        let waited = self.start_over.wait_while(now, |now| {
            now.starts == stopping.starts && matches!(now.state, State::Starting { .. })
        });
        let mut now = waited.unwrap_or_else(PoisonError::into_inner);
        // Another thread may have started the process again by now. Keep that launch.
        if let (State::Started(here), Some(launched)) = (&now.state, &stopping.launched) {
            if Arc::ptr_eq(here, launched) {
                now.state = State::Stopped;
            }
        }
    }

    /// Calls `act` if the process is stopped, and stays stopped meanwhile.
    pub(super) fn if_stopped(&self, act: impl FnOnce()) {
        let now = self.lock();
        if let State::Stopped = now.state {
            act();
        }
    }

    /// Forgets the launch. Returns it.
    pub(super) fn forget(&self) -> Option<Arc<Launched>> {
        let mut now = self.lock();
        let launched = now.state.launched().cloned();
        if let State::Started(_) = now.state {
            now.state = State::Stopped;
        }
        launched
    }

    /// Sets the launch of another test process.
    pub(super) fn adopt(&self, launched: Launched) {
        self.lock().state = State::Started(Arc::new(launched));
    }

    /// Returns the launch of the last start, until it is stopped.
    pub(super) fn launched(&self) -> Option<Arc<Launched>> {
        self.lock().state.launched().cloned()
    }

    /// Returns the pid of the program if it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.lock().state.pid()
    }

    pub(super) fn is_running(&self) -> bool {
        let now = self.lock();
        now.state.pid().is_some() || matches!(now.state, State::Reused(_))
    }

    pub(super) fn is_reused(&self) -> bool {
        matches!(self.lock().state, State::Reused(_))
    }

    /// Returns the address that was found when the process became ready.
    pub(super) fn addr(&self) -> Option<SocketAddr> {
        match &self.lock().state {
            State::Reused(addr) => Some(*addr),
            state => state.launched()?.addr.get().copied(),
        }
    }

    pub(super) fn is_prepared(&self) -> bool {
        self.lock().prepared
    }

    pub(super) fn note_prepared(&self) {
        self.lock().prepared = true;
    }

    pub(super) fn fixture(&self) -> Option<Fixture> {
        self.lock().fixture
    }

    pub(super) fn become_fixture(&self, name: &'static str) {
        self.lock().fixture = Some(Fixture {
            name,
            begun: false,
            ender: None,
        });
    }

    /// Notes that the first use has started the fixture.
    pub(super) fn begin_as_fixture(&self) {
        if let Some(fixture) = &mut self.lock().fixture {
            fixture.begun = true;
        }
    }

    /// Notes that nobody needs the files of the process after its next stop, unless it starts again.
    pub(super) fn note_last_stop(&self) {
        self.lock().for_good = true;
    }

    /// Returns whether nobody needs the files of the process after a stop now.
    pub(super) fn stops_for_good(&self) -> bool {
        let now = self.lock();
        now.for_good || now.fixture.is_some_and(|it| it.ender.is_some())
    }

    /// Allows this thread, and no other, to stop the fixture for good.
    pub(super) fn end_as_fixture(&self) {
        if let Some(fixture) = &mut self.lock().fixture {
            fixture.ender = Some(sys::this_thread());
        }
    }
}

impl State {
    fn launched(&self) -> Option<&Arc<Launched>> {
        match self {
            State::Starting { launched, .. } => launched.as_ref(),
            State::Started(launched) => Some(launched),
            State::Stopped | State::Reused(_) => None,
        }
    }

    fn pid(&self) -> Option<u32> {
        self.launched()?.pid()
    }

    fn cancel_start(&self) {
        if let State::Starting { cancelled, .. } = self {
            cancelled.wake();
        }
    }
}

/// The claim of a thread on the start of a process. Dropping it ends the start.
pub(super) struct Starting<'a> {
    life: &'a Life,
    cancelled: Arc<Waker>,
    reused: Cell<Option<SocketAddr>>,
}

impl Starting<'_> {
    /// Returns the descriptor that is readable from the moment when a stop cancels the start.
    pub(super) fn cancelled(&self) -> BorrowedFd<'_> {
        self.cancelled.as_fd()
    }

    pub(super) fn is_cancelled(&self) -> bool {
        wait::is_readable(&*self.cancelled)
    }

    /// Publishes the launch, or takes it back with `None`. A stop that came before has cancelled
    /// the start and did not see the launch, so check for that afterwards.
    pub(super) fn set_launched(&self, new: Option<Arc<Launched>>) {
        if let State::Starting { launched, .. } = &mut self.life.lock().state {
            *launched = new;
        }
    }

    /// Makes the process a reused server when the start is over.
    pub(super) fn set_reused(&self, addr: SocketAddr) {
        self.reused.set(Some(addr));
    }
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        {
            let mut now = self.life.lock();
            let reused = self.reused.take().filter(|_| !self.is_cancelled());
            if let State::Starting { launched, .. } = &mut now.state {
                now.state = match (launched.take(), reused) {
                    (Some(launched), _) => State::Started(launched),
                    (None, Some(addr)) => State::Reused(addr),
                    (None, None) => State::Stopped,
                };
            }
        }
        self.life.start_over.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(life: &Life) -> Starting<'_> {
        life.start(|| false).ok().unwrap().0
    }

    #[test]
    fn a_stop_wakes_the_start_that_it_cancels() {
        let life = Life::default();
        let starting = start(&life);
        std::thread::scope(|threads| {
            let stopping = threads.spawn(|| life.end_stop(&life.begin_stop()));
            // The sleep has no deadline, so only the stop can end it.
            wait::sleep(&[starting.cancelled()], None).unwrap();
            assert!(starting.is_cancelled());
            drop(starting);
            stopping.join().unwrap();
        });
        // The next start is not cancelled.
        assert!(!start(&life).is_cancelled());
    }

    #[test]
    fn one_thread_starts_a_process_at_a_time() {
        let life = Life::default();
        let starting = start(&life);
        assert!(matches!(life.start(|| false), Err(Busy::Starting)));
        starting.set_reused(([127, 0, 0, 1], 80).into());
        drop(starting);
        assert!(life.is_running() && matches!(life.start(|| false), Err(Busy::Running)));
        life.end_stop(&life.begin_stop());
        assert!(!life.is_running());
    }
}
