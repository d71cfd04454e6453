//! A command under a guard, as its owner sees it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use super::message::{News, Order, Use};
use super::program::Program;
use super::state::{Interest, LaunchError, State, Whom};
use super::terms::{StopPlan, Terms};
use super::{hire, job, wire};
use crate::sys::Signal;
use crate::sys::maker::Maker;
use crate::sys::threads;
use crate::sys::wait::{self, Waker};

/// A guard kills after the grace and needs some time for that; a bound on it is for a guard that
/// hangs, which it has no reason to.
const PATIENCE: Duration = Duration::from_secs(30);
/// No stop takes so long.
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
    /// How often it was asked for everything to be in the log.
    syncs: AtomicU64,
    /// How many tests have used it.
    uses: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    state: State,
    sleepers: Vec<(Arc<Waker>, Interest)>,
}

impl Guarded {
    /// Starts the program under those terms. Returns when it has been exec'ed.
    pub(crate) fn launch(
        program: &Program,
        terms: &Terms,
        deadline: Instant,
    ) -> Result<Guarded, LaunchError> {
        match Guarded::try_launch(program, terms, deadline) {
            // The warden may have died with our request in its hands. Then no guard ever read
            // it, nothing was started, and a new warden may try.
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
            // What a socket's time-out says.
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => LaunchError::Late,
            _ => LaunchError::NoGuard(error),
        })?;
        let ending = hire::own_ending();
        let ends = hire::ends(ending.as_ref());
        let job = job::encode(&ends, program, Some(terms));
        let sent = wire::send(&socket, &job.bytes, &job.fds);
        // A guard that never came closes its end; `listen` finds the same and says it better.
        if let Some(error) = sent.err().filter(|error| !is_closed(error)) {
            return Err(LaunchError::NoGuard(error));
        }
        let guarded = Guarded::new(socket);
        guarded.listen().map_err(LaunchError::NoGuard)?;
        let known = guarded.wait_until(deadline, &[], |state| {
            state.pids.is_some() || state.refused.is_some() || state.gone
        });
        if !matches!(known, Ok(Some(_))) {
            // The guard may start the command yet. It is told to stop, and waited for, so that
            // it does not clean up under the next start.
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

    /// Becomes a user of a shared service, by a socket to its guard.
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

    /// Whether this process talks to the guard, and not one that it was forked from. In a copy nobody
    /// hears what the guard says.
    pub(crate) fn is_ours(&self) -> bool {
        self.maker.is_here()
    }

    /// Lets others use the service, and gives it to the runner.
    pub(crate) fn share(&self, bytes: &[u8]) -> io::Result<()> {
        self.order(&Order::Share(bytes.to_vec()))
    }

    /// Hears the guard on a thread of its own, until it closes. The thread has no other job, and
    /// lives as long as the service.
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

    /// Waits as [`Sleeper::wait_until`] does, for any news.
    pub(crate) fn wait_until(
        &self,
        deadline: Instant,
        fds: &[BorrowedFd<'_>],
        done: impl FnMut(&State) -> bool,
    ) -> io::Result<Option<State>> {
        self.sleeper(Interest::All)?.wait_until(deadline, fds, done)
    }

    /// Registers somebody who wants to be woken by news. Register, look, sleep: in this order no
    /// news is missed.
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

    /// A test begins to use a service that others use too, when the log is so long. Returns what ends
    /// that.
    pub(crate) fn begin_use(&self, test: String, since: u64) -> u64 {
        let number = self.shared.uses.fetch_add(1, Ordering::Relaxed);
        // A guard that does not hear it reports less.
        let _ = self.order(&Order::Use(Use {
            number,
            test,
            since,
        }));
        number
    }

    /// That test has ended, in whatever way.
    pub(crate) fn end_use(&self, number: u64) {
        let _ = self.order(&Order::Unuse(number));
    }

    fn order(&self, order: &Order) -> io::Result<()> {
        if !self.is_ours() {
            return Err(io::Error::other(
                "only the process that started it can do that",
            ));
        }
        wire::send(&self.socket, &order.encode(), &[])
    }

    /// Halts all processes of the service, or has them go on. Returns when that is done.
    pub(crate) fn pause(&self, pause: bool) -> io::Result<()> {
        self.order(&Order::Pause(pause))?;
        self.sync()
    }

    /// Returns when everything that was written before the call is in the log, and an end that came
    /// before it is known.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.ask_within(PATIENCE, Order::Sync)
    }

    /// Has the guard answer an order with the number that it is given.
    pub(super) fn ask_within(
        &self,
        limit: Duration,
        order: impl FnOnce(u64) -> Order,
    ) -> io::Result<()> {
        // An answer to a later question is one to this, too.
        let number = self.shared.syncs.fetch_add(1, Ordering::Relaxed) + 1;
        self.order(&order(number))?;
        let until = Instant::now() + limit;
        let known = self.wait_until(until, &[], |state| state.synced >= number || state.gone)?;
        known
            .map(drop)
            .ok_or_else(|| io::Error::new(io::ErrorKind::TimedOut, "the guard does not answer"))
    }

    /// Stops the service, and returns when nothing of it is left, the guard included.
    pub(crate) fn stop(&self, plan: StopPlan) -> io::Result<State> {
        let far = Instant::now() + FOR_EVER;
        self.stop_watched(plan, far, |_| far)
    }

    /// As `stop`. If it takes until `due`, calls `still`, which says when to call it again.
    pub(crate) fn stop_watched(
        &self,
        plan: StopPlan,
        mut due: Instant,
        mut still: impl FnMut(&State) -> Instant,
    ) -> io::Result<State> {
        let (grace, most) = (plan.grace, plan.most_extended());
        match self.order(&Order::Stop(plan)) {
            Err(error) if !self.is_ours() => return Err(error),
            // A guard that is gone already hears nothing, and needs not.
            _ => {}
        }
        let mut limit = Instant::now() + grace + PATIENCE;
        // Its guard gives it no more.
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
    /// Closes the socket, which the listening thread has a copy of. One in a forked child is the same
    /// connection.
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }
}

/// Somebody who sleeps until there is news.
#[derive(Debug)]
pub(crate) struct Sleeper {
    pub(crate) waker: Arc<Waker>,
    shared: Arc<Shared>,
}

impl Sleeper {
    /// Waits until `done` says so of the state, or, with `Ok(None)`, until the deadline. Waking
    /// up early on `fds` is for the caller to see in `done`.
    pub(crate) fn wait_until(
        &self,
        deadline: Instant,
        fds: &[BorrowedFd<'_>],
        mut done: impl FnMut(&State) -> bool,
    ) -> io::Result<Option<State>> {
        loop {
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
        // Nobody panics while holding it, and a state is whole after every assignment.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, news: News) {
        // A probe that looks at its own pace is not to be hurried by output, least of all by
        // what its own looks cause.
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
            // Whoever waits for output is woken, and looks into the log itself.
            News::Grown(_) => {}
            News::Exited(status) => {
                state.exit = Some(ExitStatus::from_raw(status));
                state.exited = Some(Instant::now());
            }
            // `gone` is true when the guard has ended too, see `guard_closed`.
            News::Gone => {
                state.finished = true;
                state.survivors.clear();
            }
            News::Shared(bytes) => state.shared = Some(bytes.into()),
            News::Noticed(notice) => {
                let extended = notice.extend.map(|time| Instant::now() + time);
                state.extended = extended.max(state.extended);
                state.notice = Some(notice);
            }
            News::Killed => state.killed = true,
            // Once asked, its end is no more its own.
            News::Asked { is_ending } if state.asked.is_none() => {
                state.asked = Some(Instant::now());
                state.ended_unasked = is_ending || state.exit.is_some();
            }
            News::Asked { .. } => {}
            News::Synced(number) => state.synced = number,
            News::AfterStop(ran) => state.after_stop.push(ran),
            News::Lost { bytes, errno } => state.lost = Some((bytes, errno)),
            News::Survived(names) => state.survivors = names,
            News::RunEnded => state.run_ended = true,
            // Nobody asked a guard of a service for that.
            News::Ran(_) => {}
        });
    }

    fn guard_closed(&self) {
        self.update(
            |_| true,
            |state| {
                state.gone = true;
                // A guard that has told who survives has ended by itself.
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
