//! The owner's side of a command under a guard.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use super::details::Details;
use super::message::{News, Order, Use};
use super::program::Program;
use super::state::{Interest, LaunchError, State, Whom};
use super::terms::{StopPlan, Terms};
use super::{hire, job, wire};
use crate::sys::Signal;
use crate::sys::maker::Maker;
use crate::sys::threads;
use crate::sys::wait::{self, Waker};

/// How long to wait beyond the grace: the guard needs some time to kill. The bound is for a guard
/// that hangs.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than any stop.
const FOR_EVER: Duration = Duration::from_secs(100 * 24 * 60 * 60);

/// A command under a guard. Dropping it closes the socket, which stops the service.
#[derive(Debug)]
pub(crate) struct Guarded {
    maker: Maker,
    socket: UnixStream,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    known: Mutex<Known>,
    /// The number of sync requests so far.
    syncs: AtomicU64,
    /// The number of uses so far.
    uses: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    state: State,
    sleepers: Vec<(Arc<Waker>, Interest)>,
}

impl Guarded {
    /// Starts the program under these terms. Returns after exec.
    pub(crate) fn launch(
        program: &Program,
        terms: &Terms,
        deadline: Instant,
    ) -> Result<Guarded, LaunchError> {
        match Guarded::try_launch(program, terms, deadline) {
            // The warden died with the request unread, or the guard died before it reported a
            // start. The program of a dead guard is killed by the kernel or by the warden, so a new
            // warden may try once.
            Err(LaunchError::NoGuard(error))
                if error.kind() == io::ErrorKind::ConnectionAborted =>
            {
                hire::dismiss();
                Guarded::try_launch(program, terms, deadline)
            }
            other => other,
        }
    }

    fn try_launch(
        program: &Program,
        terms: &Terms,
        deadline: Instant,
    ) -> Result<Guarded, LaunchError> {
        let socket = hire::guard(deadline).map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => LaunchError::Late,
            _ => LaunchError::NoGuard(error),
        })?;
        // The pidfd is opened here, where the pid is certainly this process. A guard that opened it
        // later could get a stranger, if this process died first and its pid was reused.
        let ending = hire::own_ending();
        let ends = hire::ends(ending.as_ref());
        let job = job::encode(&ends, program, Some(terms));
        let sent = wire::send(&socket, &job.bytes, &job.fds);
        // Without a guard the socket is closed. `listen` finds that too, and its error says more.
        if let Some(error) = sent.err().filter(|error| !is_closed(error)) {
            return Err(LaunchError::NoGuard(error));
        }
        let guarded = Guarded::new(socket);
        guarded.listen().map_err(LaunchError::NoGuard)?;
        let known = guarded.wait_until(deadline, &[], |state| {
            state.pids.is_some() || state.refused.is_some() || state.gone
        });
        if !matches!(known, Ok(Some(_))) {
            // The guard may still start the command. Stop it and wait for its end: otherwise its
            // clean-up could remove files of the next start.
            let _ = guarded.stop(terms.stop.clone());
        }
        match known {
            Err(error) => Err(LaunchError::NoGuard(error)),
            Ok(None) => Err(LaunchError::Late),
            Ok(Some(state)) => match (state.refused, state.pids) {
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
            socket,
            shared: Arc::default(),
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
        let socket = self.socket.try_clone()?;
        let shared = Arc::clone(&self.shared);
        let builder = Builder::new().name("summon".into()).stack_size(128 * 1024);
        threads::spawn(builder, move || {
            while let Ok(Some((body, _))) = wire::receive(&socket) {
                match News::decode(&body) {
                    Ok(news) => shared.learn(news),
                    Err(_) => break,
                }
            }
            shared.guard_closed();
        })?;
        Ok(())
    }

    pub(crate) fn state(&self) -> State {
        self.shared.lock().state.clone()
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

    /// Registers a sleeper, which news wakes. Register first, then check the state, then sleep: in
    /// this order no news is missed.
    pub(crate) fn sleeper(&self, interest: Interest) -> io::Result<Sleeper> {
        let waker = Arc::new(Waker::new()?);
        let sleeper = (Arc::clone(&waker), interest);
        self.shared.lock().sleepers.push(sleeper);
        Ok(Sleeper {
            waker,
            shared: Arc::clone(&self.shared),
        })
    }

    pub(crate) fn signal(&self, signal: Signal, whom: Whom) -> io::Result<()> {
        self.order(&Order::Signal(signal, whom))
    }

    /// Reports that a test begins to use a shared service at this length of the log. Returns the
    /// number for [`Guarded::end_use`].
    pub(crate) fn begin_use(&self, test: String, since: u64) -> u64 {
        let number = self.shared.uses.fetch_add(1, Ordering::Relaxed);
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

    fn order(&self, order: &Order) -> io::Result<()> {
        // A forked child shares the socket. Its bytes could land within a frame of its parent.
        if !self.is_ours() {
            return Err(io::Error::other(
                "only the process that started it can do that",
            ));
        }
        wire::send(&self.socket, &order.encode(), &[])
    }

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
    pub(super) fn ask_within(
        &self,
        limit: Duration,
        order: impl FnOnce(u64) -> Order,
    ) -> io::Result<()> {
        // An answer to a later request also answers this one.
        let number = self.shared.syncs.fetch_add(1, Ordering::Relaxed) + 1;
        self.order(&order(number))?;
        let until = Instant::now() + limit;
        let known = self.wait_until(until, &[], |state| state.synced >= number || state.gone)?;
        known
            .map(drop)
            .ok_or_else(|| io::Error::new(io::ErrorKind::TimedOut, "the guard does not answer"))
    }

    /// Stops the service. Returns when all its processes and the guard have ended.
    pub(crate) fn stop(&self, plan: StopPlan) -> io::Result<State> {
        let far = Instant::now() + FOR_EVER;
        self.stop_watched(plan, far, |_| far)
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
        let mut limit = Instant::now() + grace + PATIENCE;
        // The guard grants no more.
        let last = limit + most;
        loop {
            if let Some(state) = self.wait_until(limit.min(due), &[], |state| state.gone)? {
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

fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected};
    [BrokenPipe, ConnectionReset, NotConnected].contains(&error.kind())
}

impl Drop for Guarded {
    /// Shuts the connection down. Closing this socket is not enough: the listening thread has a
    /// copy, and so does a forked child.
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }
}

/// A thread that sleeps until news arrives.
#[derive(Debug)]
pub(crate) struct Sleeper {
    pub(crate) waker: Arc<Waker>,
    shared: Arc<Shared>,
}

impl Sleeper {
    /// Waits until `done` accepts the state. Returns `Ok(None)` at the deadline. A readable
    /// descriptor in `fds` only wakes the wait, and `done` checks it.
    pub(crate) fn wait_until(
        &self,
        deadline: Instant,
        fds: &[BorrowedFd<'_>],
        mut done: impl FnMut(&State) -> bool,
    ) -> io::Result<Option<State>> {
        loop {
            // Reset, look, sleep. News after the look sets the waker, so the sleep returns at once.
            // A reset after the look would erase such news.
            self.waker.reset();
            let state = self.shared.lock().state.clone();
            if done(&state) {
                return Ok(Some(state));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            let mut all = vec![self.waker.as_fd()];
            all.extend(fds);
            wait::sleep(&all, Some(deadline))?;
        }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let mut known = self.shared.lock();
        known
            .sleepers
            .retain(|(waker, _)| !Arc::ptr_eq(waker, &self.waker));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Known> {
        // No code panics under this lock, and each assignment leaves a complete state.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, news: News) {
        // Output must not wake a probe that looks at its own pace: its own looks may cause output.
        let of = match news {
            News::Grown(_) | News::Lost { .. } => Interest::Output,
            News::Noticed(_) => Interest::Notices,
            _ => Interest::Ends,
        };
        let wakes = |interest| of == Interest::Ends || interest == of || interest == Interest::All;
        self.update(wakes, |state| match news {
            News::Started { guard, pid } => {
                state.forked_away = state.pids.is_some();
                state.pids = Some((guard, pid));
            }
            News::Refused { step, errno } => state.refused = Some((step, errno)),
            // The woken sleeper reads the log itself.
            News::Grown(_) => {}
            News::Exited(status) => {
                state.exit = Some(ExitStatus::from_raw(status));
                state.exited = Some(Instant::now());
            }
            // The guard still holds leases and files. `guard_closed` sets `gone` when it has ended
            // too.
            News::Gone => {
                state.finished = true;
                state.survivors.clear();
            }
            News::Shared(details) => state.shared = Some(details.into()),
            News::Noticed(notice) => {
                let extended = notice.extend.map(|time| Instant::now() + time);
                state.extended = extended.max(state.extended);
                state.notice = Some(notice);
            }
            News::Killed => state.killed = true,
            // Only the first request counts. Any later end follows from it.
            News::Asked { is_ending } if state.asked.is_none() => {
                state.asked = Some(Instant::now());
                state.ended_unasked = is_ending || state.exit.is_some();
            }
            News::Asked { .. } => {}
            News::Synced(number) => state.confirm(number),
            News::AfterStop(ran) => state.after_stop.push(ran),
            News::Lost { bytes, errno } => state.lost = Some((bytes, errno)),
            News::Survived(names) => state.survivors = names,
            News::RunEnded => state.run_ended = true,
            // The guard of a service never sends this.
            News::Ran(_) => {}
        });
    }

    fn guard_closed(&self) {
        self.update(
            |_| true,
            |state| {
                // The guard's socket is close-on-exec, so no program of the service holds a copy.
                // The end of file means that the guard itself has ended.
                state.gone = true;
                // A guard that reported survivors has ended in order.
                let finished = state.finished || !state.survivors.is_empty();
                state.guard_died = state.pids.is_some() && !finished;
            },
        );
    }

    fn update(&self, wakes: impl Fn(Interest) -> bool, change: impl FnOnce(&mut State)) {
        let mut known = self.lock();
        change(&mut known.state);
        for (waker, interest) in &known.sleepers {
            if wakes(*interest) {
                waker.wake();
            }
        }
    }
}
