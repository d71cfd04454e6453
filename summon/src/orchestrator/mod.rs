//! Many executors as one: started in the order of their needs, stopped in reverse.

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

/// An executor made of executors.
///
/// All that do not refer to each other start in parallel. One whose command names another's
/// placeholder (`{db.port}`), or that says `after("db")`, starts when that one is ready. If one
/// fails, those that were started are stopped, and the first error is returned. The stop order is
/// the reverse.
///
/// Orchestrators nest; the members of all of them know each other.
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

/// It has no state but that of its members, each of which sees to its own: an executor of a test's
/// that is half-way after a panic is stopped all the same.
impl UnwindSafe for Orchestrator<'_> {}
impl RefUnwindSafe for Orchestrator<'_> {}

impl<'a> Orchestrator<'a> {
    /// Takes a tuple, an array or a vector of executors, borrowed or owned.
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

/// What a node is called in its set.
fn name(node: &dyn Executor) -> Option<&str> {
    let process = node.process()?;
    Some(node.shared_as().unwrap_or_else(|| process.name()))
}

fn named(node: &dyn Executor) -> Option<(String, &Process)> {
    Some((name(node)?.to_owned(), node.process()?))
}

/// Takes the turns on all fixed ports, the lowest first. Two sets that want the same ports then
/// never have one each and wait for the other.
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
            "{} and {} of one set want the same port, {port}",
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
        // An order that can't be is one in which nothing was started; each is asked all the same.
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

/// Starts executors, and returns a guard that stops them, in reverse order, when it is dropped.
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
/// The first error of a start; by then those that had been started are stopped. Also if two
/// processes have one name, if one refers to a name that is not there, or if they refer to each
/// other in a circle.
pub fn orchestrated<'a>(executors: impl Executors<'a>) -> Result<Scope<'a>, Error> {
    begin(executors, None)
}

/// The same, for a test of this name.
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

/// Executors that run for as long as this value lives. Made by [`orchestrated`].
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
/// Dropping it panics if something can't be stopped, unless the thread is panicking already:
/// then the error goes to stderr.
#[derive(Debug)]
#[must_use = "the executors are stopped when this is dropped; keep it: `let _scope = ..`"]
pub struct Scope<'a> {
    orchestrator: Orchestrator<'a>,
    /// A forked child that unwinds, or returns from the test, has a copy, and stops nothing.
    maker: Maker,
    /// Dropped after all is stopped.
    _test: Test,
    /// When it began to start them.
    begun: Instant,
    stopped: bool,
    /// Its test has returned an error.
    failed: AtomicBool,
    /// A panic is how its test passes.
    expects_panic: bool,
}

impl Scope<'_> {
    /// Stops them now, and says whether that worked.
    ///
    /// ```
    /// let scope = summon::orchestrated(summon::SimpleExecutor::new("sleep 100"))?;
    /// scope.stop()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first error of a stop; the others are stopped all the same.
    pub fn stop(mut self) -> Result<(), Error> {
        self.stopped = true;
        match self.maker.is_here() {
            true => self.orchestrator.stop(),
            false => Ok(()),
        }
    }

    /// A panic of its test is what is expected, and no reason to tell of the processes.
    pub(crate) fn expect_panic(mut self) -> Self {
        self.expects_panic = true;
        self
    }

    /// Its test has failed, though without a panic.
    pub(crate) fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Tells of each process of a test that fails, into the output of that test.
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
            // Before they are stopped, which is none of their doing.
            self.tell();
        }
        match self.orchestrator.stop() {
            Err(error) if std::thread::panicking() => eprintln!("{error}"),
            Err(error) => panic!("{error}"),
            Ok(()) => {}
        }
    }
}
