//! One launch of a process: the service under its guard, from the launch to the stop.

use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::container_state;
use super::live_output::LiveOutput;
use super::output_window::{Position, Window};
use super::report::invocation::Invocation;
use crate::error::Error;
use crate::guard::{Guarded, State, StopPlan};
use crate::image::Engine;
use crate::output;
use crate::probe;
use crate::progress::{self, Progress};
use crate::session::Home;
use crate::small_map::SmallMap;
use crate::sys::fd::AsFd;
use crate::sys::{Signal, containers, runner, wait};

/// The limit of a question about the state of a container.
const STATE_LIMIT: Duration = Duration::from_secs(10);
/// The shortest grace that is worth a message if it does not help.
const WORTH_TELLING: Duration = Duration::from_secs(1);
/// A program may still fork away this soon after it became ready.
const FRESH: Duration = Duration::from_millis(200);

/// Whom the stop signal finds in a container.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hearer {
    /// Its program, as far as this machine sees that.
    Program,
    /// A program that never notices the signal.
    Deaf,
    /// The program has not been exec'ed.
    Nobody,
}

#[derive(Debug)]
pub(super) struct Launched {
    pub(super) guarded: Arc<Guarded>,
    pub(super) invocation: Invocation,
    pub(super) home: Arc<Home>,
    /// The offset in the log where the output of this launch begins.
    pub(super) since: u64,
    /// How to stop the service.
    pub(super) stop: StopPlan,
    /// The signal of a stop after which nobody needs its files.
    last_signal: Signal,
    pub(super) addr: OnceLock<SocketAddr>,
    /// When the process became ready.
    pub(super) ready: OnceLock<Instant>,
    /// The values of the banner's named groups.
    values: Mutex<SmallMap<String, String>>,
    pub(super) input: Input,
    /// Whether a stop has killed its container at once, since the stop signal would reach nobody.
    killed_at_once: AtomicBool,
    /// The thread that prints the output, for `SUMMON_OUTPUT=live`.
    pub(super) live_output: OnceLock<LiveOutput>,
    /// The output that the test answers for. A fixture has none: it belongs to no test.
    pub(super) window: Option<Window>,
    /// Whether the test has stopped or signalled the process, or has waited for its end.
    expected_to_end: AtomicBool,
}

impl Launched {
    pub(super) fn new(
        guarded: Guarded,
        invocation: Invocation,
        home: Arc<Home>,
        since: u64,
        stop: StopPlan,
        last_signal: Signal,
    ) -> Launched {
        Launched {
            guarded: Arc::new(guarded),
            invocation,
            home,
            since,
            stop,
            last_signal,
            addr: OnceLock::new(),
            ready: OnceLock::new(),
            values: Mutex::default(),
            input: Input::default(),
            killed_at_once: AtomicBool::new(false),
            live_output: OnceLock::new(),
            window: None,
            expected_to_end: AtomicBool::new(false),
        }
    }

    /// Makes the test of this launch answer for all of its output.
    pub(super) fn watched(mut self) -> Launched {
        self.window = Some(Window::new(Position {
            log: self.since,
            streams: self.home.streams().map(|it| it.begun()),
        }));
        self
    }

    /// Returns the pid of the program if it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        let state = self.guarded.state();
        let (_, pid) = state.pids?;
        (state.exit.is_none() && !state.gone).then_some(pid)
    }

    /// Returns the descendants of a program that should have kept running but exited with code 0.
    /// Empty if that has not happened.
    pub(super) fn left_behind(&self) -> Vec<String> {
        match self.is_expected_to_end() {
            true => Vec::new(),
            false => probe::left_for_good(&self.guarded),
        }
    }

    /// Waits until a program that has just become ready is idle.
    pub(super) fn settle(&self) {
        if self.ready.get().is_some_and(|at| at.elapsed() < FRESH) {
            probe::settle(&self.guarded);
        }
    }

    /// Marks the end of this launch as expected. Returns whether it was unexpected before.
    pub(super) fn expect_end(&self) -> bool {
        !self.expected_to_end.swap(true, Ordering::Relaxed)
    }

    pub(super) fn is_expected_to_end(&self) -> bool {
        self.expected_to_end.load(Ordering::Relaxed)
    }

    pub(super) fn values(&self) -> MutexGuard<'_, SmallMap<String, String>> {
        // A thread that panicked has left a complete value behind.
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether a stop has killed its container at once.
    pub(super) fn was_killed_at_once(&self) -> bool {
        self.killed_at_once.load(Ordering::Relaxed)
    }

    /// Returns whom the stop signal would find in the container. `None` without a container.
    fn hearer(&self) -> Option<Hearer> {
        let id = self.guarded.state().told.id()?;
        match containers::main_process(&id, &[]) {
            // The runtime handles signals, and passes none of them on to the program.
            Some(pid) if !containers::runs_its_program(pid) => Some(Hearer::Nobody),
            Some(pid) if probe::is_deaf(&self.guarded, pid, self.stop.signal.number()) => {
                Some(Hearer::Deaf)
            }
            Some(_) => Some(Hearer::Program),
            // An engine that is asked to stop such a container does nothing, and starts it later.
            None => match Engine::find() {
                Ok(engine) if engine.has_yet_to_start(&id, Instant::now() + STATE_LIMIT) => {
                    Some(Hearer::Nobody)
                }
                _ => Some(Hearer::Program),
            },
        }
    }

    /// Returns the plan of a stop after which nobody needs the files.
    pub(super) fn last_stop(&self) -> StopPlan {
        StopPlan {
            signal: self.last_signal,
            ..self.stop.clone()
        }
    }

    /// Stops the service by this plan. Prints progress lines with the name of the process if that takes
    /// long.
    pub(super) fn stop(&self, name: &str, plan: &StopPlan) -> io::Result<State> {
        // The grace would only take time.
        let hearer = self.pid().and_then(|_| self.hearer());
        if matches!(hearer, Some(Hearer::Nobody | Hearer::Deaf)) {
            self.killed_at_once.store(true, Ordering::Relaxed);
            // A program that has just been started may still set its handlers.
            if hearer == Some(Hearer::Deaf)
                && self.ready.get().is_some()
                && plan.grace >= WORTH_TELLING
                && plan.signal != Signal::KILL
            {
                progress::say(&format!(
                    "{name} was killed at once: process 1 of a container gets only signals that it handles, \
                     and {name} does not handle {}; with `init = true` the signal ends it",
                    plan.signal
                ));
            }
            return self.guarded.stop(StopPlan::kill());
        }
        let mut progress = Progress::new(Instant::now());
        let due = progress.due();
        let StopPlan {
            signal,
            ref command,
            grace,
            ..
        } = *plan;
        let asked = match command {
            Some(command) => {
                let program = command.first().map(|it| it.to_string_lossy());
                format!("`{}` asked it to", program.unwrap_or_default())
            }
            None => format!("it got {signal}"),
        };
        let still = |state: &State| {
            let left = match (state.exit, state.pids) {
                (Some(_), Some(pids)) => probe::left_behind(pids),
                _ => Vec::new(),
            };
            let who = match left.is_empty() {
                true => String::new(),
                false => format!(", which has left `{}` behind,", left.join("`, `")),
            };
            progress.say(&format!(
                "waiting for {name}{who} to end: {asked}, and will be killed {grace:?} after that"
            ));
            progress.due()
        };
        self.guarded.stop_watched(plan.clone(), due, still)
    }

    /// Adds the last lines of the output to an error.
    pub(super) fn with_output(&self, error: Error) -> Error {
        self.guarded.catch_up();
        let tail = output::tail(self.home.share_log(), self.since);
        self.with_lost(error).tail(tail)
    }

    /// Adds why the guard stopped the process, if it did, and how much output was lost.
    pub(super) fn with_lost(&self, error: Error) -> Error {
        let state = self.guarded.state();
        let error = match run_ended(&state) {
            Some(why) => error.fact("why", why),
            None => error,
        };
        let error = match container_state::shown(&state) {
            Some(shown) => error.fact("container", shown),
            None => error,
        };
        match state.lost {
            Some((bytes, errno)) => {
                let why = io::Error::from_raw_os_error(errno);
                error.fact("lost", format!("{bytes} bytes of its output: {why}"))
            }
            None => error,
        }
    }
}

/// Returns the reason if the guard has stopped the process because its test run has ended.
pub(super) fn run_ended(state: &State) -> Option<String> {
    let runner = runner::current().filter(|_| state.run_ended)?;
    let runner = runner.name();
    Some(format!(
        "{runner}, which ran this test, has ended, and nothing outlives the run"
    ))
}

/// The write end of the standard input, for `Stdin::piped()`.
#[derive(Debug, Default)]
pub(super) struct Input(Mutex<Option<File>>);

/// Why an input was not written.
pub(super) enum NotWritten {
    Closed,
    Late,
    Failed(io::Error),
}

impl Input {
    fn lock(&self) -> MutexGuard<'_, Option<File>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the write end. `None` closes the input.
    pub(super) fn set(&self, end: Option<File>) {
        *self.lock() = end;
    }

    /// Writes all bytes. Waits until `until` for the program to read.
    pub(super) fn write(&self, mut bytes: &[u8], until: Instant) -> Result<(), NotWritten> {
        let mut end = self.lock();
        let end = end.as_mut().ok_or(NotWritten::Closed)?;
        while !bytes.is_empty() {
            match end.write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if Instant::now() >= until {
                        return Err(NotWritten::Late);
                    }
                    // If the program ends, its end of the pipe closes, which ends this wait too.
                    wait::until_writable(end.as_fd(), until).map_err(NotWritten::Failed)?;
                }
                Err(error) => return Err(NotWritten::Failed(error)),
            }
        }
        Ok(())
    }
}
