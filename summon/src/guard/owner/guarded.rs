//! The owner's side of a command under a guard.

use std::collections::VecDeque;
use std::io;
use std::net::Shutdown;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Builder;
use std::time::{Duration, Instant};

use super::received::{Received, Sleeper};
use super::wardens;
use crate::guard::details::Details;
use crate::guard::program::Program;
use crate::guard::protocol::job::Task;
use crate::guard::protocol::message::{News, Order, Use};
use crate::guard::protocol::wire;
use crate::guard::state::{Allowed, Interest, LaunchError, State, Step, Whom};
use crate::guard::terms::{StopPlan, Terms};
use crate::sys::Signal;
use crate::sys::maker::Maker;
use crate::sys::{threads, wait};

/// How long to wait beyond the grace: the guard needs some time to kill. The bound is for a guard
/// that hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait for the guard of a container when the time-out of the start has passed. The engine may
/// hang, and the guard then waits for it.
const LATE_PATIENCE: Duration = Duration::from_secs(10);
/// Longer than any stop.
const FOR_EVER: Duration = Duration::from_secs(100 * 24 * 60 * 60);

/// A command under a guard. Dropping it closes the socket, which stops the service.
#[derive(Debug)]
pub(crate) struct Guarded {
    maker: Maker,
    /// Shared with the thread that receives.
    socket: Arc<UnixStream>,
    pub(super) received: Arc<Received>,
    /// The number of sync requests so far.
    pub(super) syncs: AtomicU64,
    /// The number of uses so far.
    uses: AtomicU64,
    /// The number of databases that were asked for so far.
    pub(super) databases: AtomicU64,
    /// Whether the guard is left alone. Then the thread that receives keeps the connection.
    is_left: bool,
}

impl Guarded {
    /// Starts the program under these terms. Returns after exec, or when `cancelled` is readable.
    pub(crate) fn launch(
        program: &Program,
        terms: &Terms,
        deadline: Instant,
        cancelled: BorrowedFd<'_>,
    ) -> Result<Guarded, LaunchError> {
        let launched = Guarded::try_launch(program, terms, deadline, cancelled);
        // The warden died with the request unread, or the guard died before it reported a start. The
        // program of a dead guard is killed by the kernel or by the warden. The next launch gets a new
        // warden.
        if launched.as_ref().is_err_and(LaunchError::is_lost) {
            wardens::dismiss();
        }
        launched
    }

    fn try_launch(
        program: &Program,
        terms: &Terms,
        deadline: Instant,
        cancelled: BorrowedFd<'_>,
    ) -> Result<Guarded, LaunchError> {
        let socket = wardens::give_job(&Task::Service(program, terms), deadline).map_err(
            |error| match error.kind() {
                io::ErrorKind::TimedOut => LaunchError::Late,
                _ => LaunchError::NoGuard(error),
            },
        )?;
        let mut guarded = Guarded::new(socket);
        guarded.listen().map_err(LaunchError::NoGuard)?;
        let is_known =
            |state: &State| state.pids.is_some() || state.refused.is_some() || state.gone;
        // The commands before a container run until then.
        let known = guarded.wait_until(deadline, &[cancelled], |state| {
            is_known(state) || wait::is_readable(&cancelled)
        });
        let is_unknown = match &known {
            Ok(Some(state)) => !is_known(state),
            Ok(None) | Err(_) => true,
        };
        let mut stopped = State::default();
        if is_unknown {
            // The guard may still start the command. Stop it and wait for its end: otherwise its
            // clean-up could remove files of the next start.
            stopped = match (&terms.container, &known) {
                (None, _) => guarded.stop(terms.stop.clone()).unwrap_or_default(),
                // The program of a container does not run, so nobody would hear the stop signal.
                // A command before the container is in the report, once it has ended.
                (Some(container), Ok(None)) if container.before.is_empty() => guarded.stop_late(),
                (Some(_), _) => guarded.stop(StopPlan::kill()).unwrap_or_default(),
            };
        }
        match known {
            Err(error) => Err(LaunchError::NoGuard(error)),
            Ok(Some(_)) if is_unknown => Err(LaunchError::Cancelled),
            Ok(None) => Err(match stopped.told.before {
                // The order to stop has ended this command.
                Some((index, ran)) => LaunchError::Before(index, ran),
                None => LaunchError::Late,
            }),
            Ok(Some(state)) => match (state.refused, state.pids) {
                (Some((Step::Container, _)), _) if state.told.before.is_some() => {
                    let (index, ran) = state.told.before.unwrap_or_default();
                    Err(LaunchError::Before(index, ran))
                }
                (Some((Step::Container, _)), _) if state.told.created.is_some() => Err(
                    LaunchError::NoContainer(state.told.created.unwrap_or_default()),
                ),
                (Some((step, errno)), _) => Err(LaunchError::Refused(
                    step,
                    io::Error::from_raw_os_error(errno),
                )),
                (None, Some(_)) => Ok(guarded),
                (None, None) => Err(LaunchError::NoGuard(io::Error::new(
                    io::ErrorKind::ConnectionAborted,
                    "the guard ended before it had started the command",
                ))),
            },
        }
    }

    /// Joins a shared service as a user, through a socket to its guard.
    pub(crate) fn join(socket: UnixStream) -> io::Result<Guarded> {
        let guarded = Guarded::new(socket);
        guarded.listen()?;
        Ok(guarded)
    }

    fn new(socket: UnixStream) -> Guarded {
        Guarded {
            maker: Maker::here(),
            socket: Arc::new(socket),
            received: Arc::default(),
            syncs: AtomicU64::new(0),
            uses: AtomicU64::new(0),
            databases: AtomicU64::new(0),
            is_left: false,
        }
    }

    /// Returns whether this process made the connection. A forked child has a copy, but no thread
    /// that receives the guard's messages.
    pub(crate) fn is_ours(&self) -> bool {
        self.maker.is_here()
    }

    /// Shares the service, and gives it to the runner.
    pub(crate) fn share(&self, details: Details) -> io::Result<()> {
        self.order(&Order::Share(details))
    }

    /// Receives the guard's messages on a new thread until the guard closes. The thread has no
    /// other job, and ends with the service.
    fn listen(&self) -> io::Result<()> {
        let socket = Arc::clone(&self.socket);
        let received = Arc::clone(&self.received);
        let builder = Builder::new().name("summon".into()).stack_size(128 * 1024);
        threads::spawn(builder, move || {
            let mut inbox = VecDeque::new();
            while let Ok(Some(frame)) = wire::receive_next(&socket, &mut inbox) {
                match News::decode(&frame) {
                    Ok(news) => received.learn(news),
                    Err(_) => break,
                }
            }
            received.guard_closed();
        })?;
        Ok(())
    }

    pub(crate) fn state(&self) -> State {
        self.received.state()
    }

    /// Waits like [`Sleeper::wait_until`], woken by any news.
    pub(crate) fn wait_until(
        &self,
        deadline: Instant,
        fds: &[BorrowedFd<'_>],
        done: impl FnMut(&State) -> bool,
    ) -> io::Result<Option<State>> {
        self.sleeper(Interest::All)?.wait_until(deadline, fds, done)
    }

    /// Registers a sleeper, see [`Sleeper::new`].
    pub(crate) fn sleeper(&self, interest: Interest) -> io::Result<Sleeper> {
        Sleeper::new(&self.received, interest)
    }

    pub(crate) fn signal(&self, signal: Signal, whom: Whom) -> io::Result<()> {
        self.order(&Order::Signal(signal, whom))
    }

    /// Tells the guard to end the service at the latest after this time. `None` takes an earlier time
    /// back.
    pub(crate) fn hold(&self, limit: Option<Duration>) {
        // A guard that has ended needs no limit.
        let _ = self.order(&Order::Hold(limit));
    }

    /// Reports that a test begins to use a shared service at this length of the log. Returns the
    /// number for [`Guarded::end_use`].
    pub(crate) fn begin_use(&self, test: String, since: u64) -> u64 {
        let number = self.uses.fetch_add(1, Ordering::Relaxed);
        // If this fails, the guard's report has less. That must not fail the test.
        let _ = self.order(&Order::Use(Use {
            number,
            test,
            since,
        }));
        number
    }

    /// Reports that the test with this number has ended.
    pub(crate) fn end_use(&self, number: u64) {
        let _ = self.order(&Order::Unuse(number));
    }

    /// Tells the guard that this process allows lines that match from here on, or no longer. The
    /// guard has noted it when it answers the next `sync`.
    pub(crate) fn allow(&self, pattern: &str, begins: bool) {
        // If this fails, the guard has ended, and the output is complete.
        let _ = self.order(&Order::Allow {
            pattern: pattern.to_owned(),
            begins,
        });
    }

    /// Notes an allowance that the guard does not know of.
    pub(crate) fn note_allowed(&self, allowed: Allowed) {
        self.received.note_allowed(allowed);
    }

    /// Returns where tests allow lines, in the order of the output.
    pub(crate) fn allowed(&self) -> Vec<Allowed> {
        self.received.allowed()
    }

    /// Returns when the part of the log at this offset came, as far as this process has seen it.
    pub(crate) fn written_at(&self, offset: u64) -> Option<Instant> {
        self.received.written_at(offset)
    }

    pub(super) fn order(&self, order: &Order) -> io::Result<()> {
        // A forked child shares the socket. Its bytes could land within a frame of its parent.
        if !self.is_ours() {
            return Err(io::Error::other(
                "only the process that started it can do that",
            ));
        }
        wire::send(&self.socket, &order.encode(), &[])
    }

    /// Stops the service. Returns when all its processes and the guard have ended.
    pub(crate) fn stop(&self, plan: StopPlan) -> io::Result<State> {
        let far = Instant::now() + FOR_EVER;
        self.stop_watched(plan, far, |_| far)
    }

    /// Removes a container that the engine has not made in time. Returns after a while even if that takes
    /// longer: the guard goes on with it, and the connection stays open until it ends. (A guard without an
    /// owner would remove files, which the next start may have made.)
    fn stop_late(&mut self) -> State {
        let _ = self.order(&Order::Stop(StopPlan::kill()));
        let until = Instant::now() + LATE_PATIENCE;
        let ended = self.wait_until(until, &[], |state| state.gone);
        self.is_left = !matches!(ended, Ok(Some(_)));
        self.state()
    }

    /// Stops the service like `stop`. If that takes until `due`, calls `still`, which returns the
    /// time of its next call.
    pub(crate) fn stop_watched(
        &self,
        plan: StopPlan,
        mut due: Instant,
        mut still: impl FnMut(&State) -> Instant,
    ) -> io::Result<State> {
        let (grace, most) = (plan.grace, plan.most_extended());
        match self.order(&Order::Stop(plan)) {
            Err(error) if !self.is_ours() => return Err(error),
            // A dead guard needs no order.
            _ => {}
        }
        let patience = match self.state().told.created {
            // The guard repeats the removal of a container for a while.
            Some(_) => PATIENCE * 4,
            None => PATIENCE,
        };
        let mut limit = Instant::now() + grace + patience;
        // The guard grants no more.
        let last = limit + most;
        // The steps before the end need no answer, and each wake-up would take the processor from
        // whoever ends.
        let sleeper = self.sleeper(Interest::Gone)?;
        loop {
            let until = limit.min(due);
            if let Some(state) = sleeper.wait_until(until, &[], |state| state.gone)? {
                return Ok(state);
            }
            if Instant::now() < limit {
                due = still(&self.state());
                continue;
            }
            // The service may have asked for more time (`EXTEND_TIMEOUT_USEC`).
            let extended = self.state().extended;
            match extended.map(|until| (until + PATIENCE).min(last)) {
                Some(later) if later > limit => limit = later,
                _ => break,
            }
        }
        let survivors = self.state().survivors;
        let why = match survivors.is_empty() {
            true => "the guard does not answer".to_owned(),
            false => format!(
                "{} does not end, though it was killed",
                survivors.join(", ")
            ),
        };
        Err(io::Error::new(io::ErrorKind::TimedOut, why))
    }
}

impl Drop for Guarded {
    /// Shuts the connection down. Closing this socket is not enough: the listening thread has a
    /// copy, and so does a forked child.
    fn drop(&mut self) {
        if self.is_left || !self.is_ours() {
            return;
        }
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}
