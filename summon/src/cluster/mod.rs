//! Several processes of one program that know each other: the nodes of a cluster.

mod partition;

use std::fmt;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::slice;
use std::sync::Arc;

use summon_syntax::nodes;

use crate::error::Error;
use crate::executor::{Coordinated, Executor};
use crate::orchestrator::{self, Order};
use crate::probe::Probe;
use crate::process::{Nodes, Process};

/// Several processes of one program, the *nodes*, which know each other's addresses.
/// [`nodes`](Coordinated::nodes) makes one.
///
/// A cluster dereferences to a slice of [`Process`]: `cluster[0]`, `cluster.len()`,
/// `cluster.iter()`. Its own verbs concern all nodes. It is an [`Executor`], so it can be in a
/// [set](crate::orchestrated). A [fixture](macro@crate::fixture) is one process, and so can't be a
/// cluster. Dropping it stops all nodes at the same time.
///
/// ```
/// use summon::{Cluster, summon};
///
/// #[summon(simple = "sleep 100", nodes = 3)]
/// fn survives_a_node(sleepers: &Cluster) {
///     sleepers[0].kill().unwrap();
///     assert!(!sleepers[0].is_running());
///     assert!(sleepers[1].is_running() && sleepers[2].is_running());
///     sleepers[0].start().unwrap();              // with the same ports and directory
///     assert_eq!(sleepers[0].name(), "sleep-0");
/// }
///
/// survives_a_node();
/// ```
#[must_use = "a cluster does nothing until it is started"]
pub struct Cluster {
    name: String,
    nodes: Vec<Process>,
    /// Why it can't start as declared.
    refused: Option<Error>,
    own: Arc<Nodes>,
}

/// A panic leaves each node complete, either up or down, as [`Process`] says.
impl UnwindSafe for Cluster {}
impl RefUnwindSafe for Cluster {}

impl<P: Probe> Coordinated<P> {
    /// Runs this number of processes, the nodes of a [`Cluster`]. Each node has all options of this
    /// executor, its own ports, and its own directory. Set all options before this one; in the
    /// attribute the order does not matter. Default: one process, which is no cluster.
    ///
    /// Nodes have three further placeholders. `{index}` is the number of the node, from 0. `{peers}`
    /// lists the `{host}:{port}` of all nodes with commas between them, in the order of the nodes and
    /// the same text for each. `{others}` is that list without the node itself. `{peers:raft}` lists
    /// the ports that are `{port:raft}`. The ports are known before the first node starts, so all
    /// nodes start at the same time. With [`linked`](Coordinated::linked), these are the addresses of the
    /// nodes' links, `{link}` is that of the node itself, and `{link_port}` is its port alone.
    ///
    /// A node has the name of its program, or of [`named`](Coordinated::named), with its number:
    /// `node-0`. The other processes of a set write `{node-0.port}`, or `{node.peers}` for all
    /// addresses, and start when all nodes are ready. `after("node-0")` starts that node first, and
    /// then its others.
    ///
    /// ```
    /// use summon::OutputCoordinatedExecutor;
    ///
    /// let script = "echo node $0 of $1; exec sleep 100";
    /// let nodes = OutputCoordinatedExecutor::new(["sh", "-c", script, "{index}", "{peers}"], "^node")
    ///     .named("node")
    ///     .nodes(2);
    /// nodes.start()?;
    /// let peers = format!("localhost:{},localhost:{}", nodes[0].port(), nodes[1].port());
    /// assert_eq!(nodes[1].output(), format!("node 1 of {peers}\n").into_bytes());
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// With no node, with more than 100, or with a fixed port, `start` returns an error. Custom
    /// probes are shared: the same value looks at each node.
    pub fn nodes(self, count: usize) -> Cluster {
        let (spec, probes) = self.into_declaration();
        let whole = Process::new(spec.clone(), probes.clone(), Arc::default());
        let why = nodes::refusal(count);
        let count = if why.is_some() { 0 } else { count };
        let (made, own) = Process::nodes(&spec, &probes, count);
        let why = why.or_else(|| whole.fixed_port().map(nodes::shared_port));
        Cluster {
            name: whole.name().to_owned(),
            nodes: made,
            refused: why.map(|why| whole.unstartable(&why)),
            own,
        }
    }
}

impl Cluster {
    /// Returns the name, which the names of the nodes begin with.
    ///
    /// ```
    /// let cluster = summon::SimpleExecutor::new("sleep 100").nodes(2);
    /// assert_eq!(cluster.name(), "sleep");
    /// assert_eq!(cluster[1].name(), "sleep-1");
    /// ```
    pub fn name(&self) -> &str {
        let first = self.nodes.first().and_then(Process::cluster);
        first.unwrap_or(&self.name)
    }

    /// Starts the nodes that do not run, all at the same time. Returns when all are ready.
    /// If one fails, all nodes that this call has started are stopped.
    ///
    /// ```
    /// let cluster = summon::SimpleExecutor::new("sleep 100").nodes(3);
    /// cluster.start()?;
    /// cluster[1].kill()?;
    /// cluster.start()?;
    /// assert!(cluster.iter().all(|node| node.is_running()));
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If all nodes run already, or if the cluster has no node, more than 100, or a fixed port. If nodes
    /// fail to start, the first error of their [`start`](Process::start).
    pub fn start(&self) -> Result<(), Error> {
        if let Some(error) = &self.refused {
            return Err(error.clone());
        }
        self.check_after()?;
        let Some(_in_progress) = self.own.start.claim() else {
            let why = format!("the nodes of {} are already being started", self.name());
            return Err(Error::new(why).already_running());
        };
        let idle = self.nodes.iter().filter(|node| !node.is_running());
        let idle: Vec<&Process> = idle.collect();
        if idle.is_empty() {
            let why = format!("all nodes of {} are already running", self.name());
            return Err(Error::new(why).already_running());
        }
        let order = Order::of_cluster(&idle)?;
        let executors: Vec<&dyn Executor> = idle.iter().map(|it| *it as _).collect();
        orchestrator::start(&executors, &order, &self.own.start, "nodes", |_| {})
    }

    /// Checks that `after` names no node that the cluster does not have. Its set checks all other names.
    fn check_after(&self) -> Result<(), Error> {
        let Some(first) = self.nodes.first() else {
            return Ok(());
        };
        let is_missing = |name: &&String| {
            let node = nodes::split(name).filter(|(cluster, _)| *cluster == self.name());
            node.is_some_and(|(_, index)| index >= self.nodes.len())
        };
        match first.after().iter().find(is_missing) {
            None => Ok(()),
            Some(name) => {
                let why = nodes::missing(name, self.nodes.len());
                Err(first.unstartable(&format!("in `after`, {why}")))
            }
        }
    }

    /// Stops all nodes, at the same time. Nodes that do not run are no error.
    ///
    /// ```
    /// let cluster = summon::SimpleExecutor::new("sleep 100").nodes(3);
    /// cluster.start()?;
    /// cluster.stop()?;
    /// assert!(cluster.iter().all(|node| !node.is_running()));
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first error of a node's [`stop`](Process::stop). The other nodes are stopped all the
    /// same.
    pub fn stop(&self) -> Result<(), Error> {
        // A start in progress stops its nodes itself, and this stop waits for that. If both stopped a
        // node at the same time, the second could report its end as unasked. Call the start off first:
        // a node that has not begun its start then refuses, and `cancel_start` ends all other starts.
        self.own.start.call_off();
        self.nodes.iter().for_each(Process::cancel_start);
        self.own.start.wait();
        let nodes: Vec<&Process> = self.nodes.iter().collect();
        // Without an order, no node has started.
        let order = Order::of_cluster(&nodes).unwrap_or_else(|_| Order::parallel(nodes.len()));
        self.act(&nodes, &order, Process::stop)
    }

    /// Kills all nodes that run, with all their descendants, at the same time and without grace.
    ///
    /// ```
    /// let cluster = summon::SimpleExecutor::new("sleep 100").nodes(3);
    /// cluster.start()?;
    /// cluster.kill()?;
    /// cluster.start()?;   // as after a power failure
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If no node runs.
    pub fn kill(&self) -> Result<(), Error> {
        let running = self.nodes.iter().filter(|node| node.is_running());
        let running: Vec<&Process> = running.collect();
        if running.is_empty() {
            let why = format!("{} can't be killed: no node is running", self.name());
            return Err(Error::new(why));
        }
        self.act(&running, &Order::parallel(running.len()), Process::kill)
    }

    /// Stops all nodes, and starts them again with the same names, ports, and directories. For a
    /// rolling restart, call [`restart`](Process::restart) of each node instead.
    ///
    /// ```
    /// let cluster = summon::SimpleExecutor::new("sleep 100").nodes(3);
    /// cluster.start()?;
    /// let ports: Vec<u16> = cluster.iter().map(|node| node.port()).collect();
    /// cluster.restart()?;
    /// assert!(cluster.iter().map(|node| node.port()).eq(ports));
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`stop`](Cluster::stop) and [`start`](Cluster::start).
    pub fn restart(&self) -> Result<(), Error> {
        self.stop()?;
        self.start()
    }

    /// Calls a verb of some nodes, each after the nodes that depend on it.
    fn act(
        &self,
        nodes: &[&Process],
        order: &Order,
        verb: impl Fn(&Process) -> Result<(), Error> + Sync,
    ) -> Result<(), Error> {
        orchestrator::act(order, |index| verb(nodes[index]))
    }
}

impl Deref for Cluster {
    type Target = [Process];

    fn deref(&self) -> &[Process] {
        &self.nodes
    }
}

impl<'a> IntoIterator for &'a Cluster {
    type Item = &'a Process;
    type IntoIter = slice::Iter<'a, Process>;

    fn into_iter(self) -> slice::Iter<'a, Process> {
        self.nodes.iter()
    }
}

impl Executor for Cluster {
    fn start(&self) -> Result<(), Error> {
        Cluster::start(self)
    }

    fn stop(&self) -> Result<(), Error> {
        Cluster::stop(self)
    }

    fn processes(&self) -> Vec<&Process> {
        self.nodes.iter().collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        Process::drop_together(&self.nodes);
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.nodes).finish()
    }
}
