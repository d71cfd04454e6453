//! Combines executors: starts them in the order of their dependencies, and stops them in reverse.

mod executors;
mod order;
mod scope;
mod walk;

pub use executors::Executors;
pub(crate) use order::Order;
pub(crate) use scope::{Attributed, begin};
pub use scope::{Scope, orchestrated};
pub(crate) use walk::{act, start};

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, OnceLock};

use crate::error::Error;
use crate::executor::Executor;
use crate::process::{Process, Set};
use crate::tuples::Sealed;

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
    /// Computed by the first start or stop, and then kept: a set stops in the reverse of the order
    /// in which it started.
    order: OnceLock<Result<Order, Error>>,
    set: OnceLock<Arc<Set>>,
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
            members: executors.into_vec(Sealed),
            order: OnceLock::new(),
            set: OnceLock::new(),
        }
    }

    /// Returns the members that are no orchestrators, and those of the members that are.
    fn nodes(&self) -> Vec<&dyn Executor> {
        let mut nodes = Vec::new();
        for member in &self.members {
            flatten(&**member, &mut nodes);
        }
        nodes
    }

    /// Stops all executors. Calls `failed` with each error, before the executors stop on which the failed
    /// one depends.
    fn stop_and_tell(&self, failed: impl Fn(&Error) + Sync) -> Result<(), Error> {
        let nodes = self.nodes();
        let start = &self.set(&nodes).start;
        start.call_off();
        let stopped = match self.order(&nodes) {
            Ok(order) => walk::stop(&nodes, order, failed),
            // Nothing was started in an order that is impossible. Stop each executor all the same.
            Err(_) => walk::stop(&nodes, &Order::sequence(nodes.len()), failed),
        };
        // The start gives up, and stops what this stop came too early for.
        start.wait();
        stopped
    }

    fn order(&self, nodes: &[&dyn Executor]) -> Result<&Order, Error> {
        let order = self.order.get_or_init(|| Order::of(nodes));
        order.as_ref().map_err(Error::clone)
    }

    fn set(&self, nodes: &[&dyn Executor]) -> &Arc<Set> {
        self.set.get_or_init(|| {
            let named = nodes.iter().flat_map(|node| order::named(*node));
            Set::new(named)
        })
    }
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
        let nodes = self.nodes();
        let (order, set) = (self.order(&nodes)?, self.set(&nodes));
        let Some(_in_progress) = set.start.claim() else {
            let error = Error::new("this orchestrator is already being started");
            return Err(error.already_running());
        };
        // Before any start: the others would start for nothing.
        let mut processes = nodes.iter().flat_map(|node| node.processes());
        processes.try_for_each(Process::check_there)?;
        let own = || nodes.iter().filter(|node| node.shared_as().is_none());
        let own = || own().flat_map(|node| node.processes());
        own().for_each(|process| process.join(set));
        let note = |node: &dyn Executor| {
            if let (Some(name), Some(addr)) = (order::name(node), node.link_addr()) {
                set.set_addr(name, addr);
            }
            if let (Some(name), Some(url)) = (order::name(node), node.database_url()) {
                set.set_url(name, url);
            }
        };
        let started =
            take_turns(own()).and_then(|()| start(&nodes, order, &set.start, "set", note));
        if started.is_err() {
            own().for_each(Process::give_turns_back);
        }
        started
    }

    fn stop(&self) -> Result<(), Error> {
        self.stop_and_tell(|_| {})
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
        let processes = self.nodes().into_iter().map(|node| node.processes());
        f.debug_list().entries(processes).finish()
    }
}
