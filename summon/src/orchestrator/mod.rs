//! Combines executors: starts them in the order of their dependencies, and stops them in reverse.

mod executors;
mod order;
mod walk;

pub use executors::Executors;

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::error::Error;
use crate::executor::Executor;
use crate::panicked::{self, Failure};
use crate::process::{Process, Set};
use crate::sys::maker::Maker;
use crate::trace::Test;
use order::Order;

/// An executor that starts and stops several executors.
///
/// Executors that do not depend on each other start in parallel. An executor depends on another if
/// it contains the other's placeholder (`{db.port}`), or names it in `after("db")`. It then starts
/// when the other is ready. If a start fails, the orchestrator stops the executors that it has
/// started, and returns the first error. It stops executors in reverse order.
///
/// Orchestrators nest. Their members form one set, and may name each other.
///
/// ```
/// use summon::{Executor, Orchestrator, SimpleExecutor};
///
/// let db = SimpleExecutor::new("sleep 100").named("db");
/// let api = SimpleExecutor::new("sleep 100").named("api").env("DB_PORT", "{db.port}");
/// let stack = Orchestrator::new((&db, &api));
/// stack.start()?;
/// assert!(api.is_running());
/// stack.stop()?;
/// # Ok::<(), summon::Error>(())
/// ```
#[must_use = "an orchestrator does nothing until it is started"]
pub struct Orchestrator<'a> {
    members: Vec<Box<dyn Executor + 'a>>,
}

/// An orchestrator has no mutable state except its members, and stops them all after a panic. So an
/// executor of the test that a panic left half-way is stopped too.
impl UnwindSafe for Orchestrator<'_> {}
impl RefUnwindSafe for Orchestrator<'_> {}

impl<'a> Orchestrator<'a> {
    /// Makes an orchestrator from a tuple, an array, or a vector of executors, borrowed or owned.
    ///
    /// ```
    /// use summon::{Executor, Orchestrator, SimpleExecutor};
    ///
    /// let workers = vec![
    ///     SimpleExecutor::new("sleep 100").named("one"),
    ///     SimpleExecutor::new("sleep 100").named("two"),
    /// ];
    /// let both = Orchestrator::new(&workers);
    /// both.start()?;
    /// assert!(workers.iter().all(|worker| worker.is_running()));
    /// both.stop()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn new(executors: impl Executors<'a>) -> Orchestrator<'a> {
        Orchestrator {
            members: executors.into_vec(),
        }
    }

    fn flat(&self) -> Vec<&dyn Executor> {
        let mut nodes = Vec::new();
        for member in &self.members {
            flatten(&**member, &mut nodes);
        }
        nodes
    }
}

/// Returns the name of a node in its set.
fn name(node: &dyn Executor) -> Option<&str> {
    let process = node.process()?;
    Some(node.shared_as().unwrap_or_else(|| process.name()))
}

fn named(node: &dyn Executor) -> Option<(String, &Process)> {
    Some((name(node)?.to_owned(), node.process()?))
}

/// Takes the turns on all fixed ports, lowest first. Without this order, two sets that use the same
/// two ports could each hold one and wait for the other.
fn take_turns<'a>(processes: impl Iterator<Item = &'a Process>) -> Result<(), Error> {
    let ports = |process: &'a Process| {
        process
            .fixed_ports()
            .into_iter()
            .map(move |it| (it, process))
    };
    let mut ports: Vec<_> = processes.flat_map(ports).collect();
    ports.sort_by_key(|(port, _)| *port);
    if let Some(twice) = ports.windows(2).find(|two| two[0].0 == two[1].0) {
        let (one, two) = (twice[0].1, twice[1].1);
        let port = twice[0].0;
        return Err(two.misplaced(format!(
            "{} and {} of one set have the same fixed port, {port}",
            one.name(),
            two.name(),
        )));
    }
    ports
        .iter()
        .try_for_each(|(port, process)| process.take_turn(*port))
}

fn flatten<'a>(executor: &'a dyn Executor, nodes: &mut Vec<&'a dyn Executor>) {
    match executor.members() {
        Some(members) => members.iter().for_each(|member| flatten(*member, nodes)),
        None => nodes.push(executor),
    }
}

impl Executor for Orchestrator<'_> {
    fn start(&self) -> Result<(), Error> {
        let nodes = self.flat();
        let order = Order::of(&nodes)?;
        let set = Set::new(nodes.iter().filter_map(|node| named(*node)));
        let own = || nodes.iter().filter(|node| node.shared_as().is_none());
        let own = || own().filter_map(|node| node.process());
        own().for_each(|process| process.join(&set));
        let started = take_turns(own()).and_then(|()| walk::start(&nodes, &order));
        if started.is_err() {
            own().for_each(Process::give_turns_back);
        }
        started
    }

    fn stop(&self) -> Result<(), Error> {
        let nodes = self.flat();
        // If the order is impossible, nothing was started. Stop each executor all the same.
        let order = Order::of(&nodes).unwrap_or_else(|_| Order::sequence(nodes.len()));
        walk::stop(&nodes, &order)
    }

    fn members(&self) -> Option<Vec<&dyn Executor>> {
        Some(
            self.members
                .iter()
                .map(|member| &**member as &dyn Executor)
                .collect(),
        )
    }
}

impl fmt::Debug for Orchestrator<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let processes = self.flat().into_iter().map(|node| node.process());
        f.debug_list().entries(processes).finish()
    }
}

/// Starts executors. Returns a guard that stops them in reverse order when it is dropped.
///
/// ```
/// use summon::{SimpleExecutor, orchestrated};
///
/// let db = SimpleExecutor::new("sleep 100").named("db");
/// let api = SimpleExecutor::new("sleep 100").named("api").after("db");
/// let scope = orchestrated((&db, &api))?;
/// assert!(db.is_running() && api.is_running());
/// drop(scope);
/// assert!(!db.is_running() && !api.is_running());
/// # Ok::<(), summon::Error>(())
/// ```
///
/// # Errors
///
/// The first error of a start. By then, the executors that had started are stopped. Also if two
/// processes have the same name, if a process names a process that is not in the set, or if their
/// dependencies form a cycle.
pub fn orchestrated<'a>(executors: impl Executors<'a>) -> Result<Scope<'a>, Error> {
    begin(executors, None)
}

/// Like [`orchestrated`], for a test of this name.
pub(crate) fn begin<'a>(
    executors: impl Executors<'a>,
    test: Option<&str>,
) -> Result<Scope<'a>, Error> {
    let (test, begun) = (Test::begin(test), Instant::now());
    panicked::note_times();
    let orchestrator = Orchestrator::new(executors);
    orchestrator.start()?;
    Ok(Scope {
        orchestrator,
        maker: Maker::here(),
        _test: test,
        begun,
        stopped: false,
        failed: AtomicBool::new(false),
        expects_panic: false,
    })
}

/// Running executors, which are stopped when this value is dropped. [`orchestrated`] returns it.
///
/// ```
/// use summon::{Error, Scope, SimpleExecutor, orchestrated};
///
/// fn stack() -> Result<Scope<'static>, Error> {
///     let db = SimpleExecutor::new("sleep 100").named("db");
///     let api = SimpleExecutor::new("sleep 100").named("api").after("db");
///     orchestrated((db, api))
/// }
///
/// let _scope = stack()?;   // `let _ = ..` would stop them at once
/// # Ok::<(), Error>(())
/// ```
///
/// # Panics
///
/// Dropping it panics if a stop fails. If the thread is already panicking, the error is printed to
/// stderr instead.
#[derive(Debug)]
#[must_use = "the executors are stopped when this is dropped; keep it: `let _scope = ..`"]
pub struct Scope<'a> {
    orchestrator: Orchestrator<'a>,
    /// The process that made this. A forked child that unwinds or returns drops a copy, which must
    /// stop nothing.
    maker: Maker,
    /// Dropped after all executors are stopped.
    _test: Test,
    /// When the start began.
    begun: Instant,
    stopped: bool,
    /// Whether the test has returned an error.
    failed: AtomicBool,
    /// Whether the test must panic to pass.
    expects_panic: bool,
}

impl Scope<'_> {
    /// Stops the executors now.
    ///
    /// ```
    /// let scope = summon::orchestrated(summon::SimpleExecutor::new("sleep 100"))?;
    /// scope.stop()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first error of a stop. The other executors are stopped all the same.
    pub fn stop(mut self) -> Result<(), Error> {
        self.stopped = true;
        match self.maker.is_here() {
            true => self.orchestrator.stop(),
            false => Ok(()),
        }
    }

    /// Marks a panic of the test as expected: it prints no reports.
    pub(crate) fn expect_panic(mut self) -> Self {
        self.expects_panic = true;
        self
    }

    /// Marks the test as failed without a panic.
    pub(crate) fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Prints a report on each process of the failed test, into the test's output.
    fn tell(&self) {
        let failed = Failure::since(self.begun);
        for node in self.orchestrator.flat() {
            let Some(process) = node.process() else {
                continue;
            };
            if let Some(told) = process.postmortem(&failed, node.used_since()) {
                eprintln!("\n{told}");
            }
            if node.shared_as().is_none() {
                process.was_told();
            }
        }
    }
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        if self.stopped || !self.maker.is_here() {
            return;
        }
        let panics = std::thread::panicking() && !self.expects_panic;
        if panics || self.failed.load(Ordering::Relaxed) {
            // Report before the stop, so that the reports show the processes as they were at the
            // failure.
            self.tell();
        }
        match self.orchestrator.stop() {
            Err(error) if std::thread::panicking() => eprintln!("{error}"),
            Err(error) => panic!("{error}"),
            Ok(()) => {}
        }
    }
}
