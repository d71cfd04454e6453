//! Partitions: nodes of a cluster that can't reach each other.

use super::Cluster;
use crate::error::Error;
use crate::link::undoing;
use crate::process::Process;

impl Cluster {
    /// Separates the nodes of different groups, as a network that drops all packets between them.
    /// Nodes that no group names are one more group. Needs `links = true`
    /// ([`linked`](crate::Coordinated::linked)).
    ///
    /// Nothing passes on the connections between separated nodes, whether they exist or are made later.
    /// Connects succeed, and then nothing arrives: the link accepts a connection before it knows the
    /// client. [`heal`](Cluster::heal) ends the partition, and what was sent on open connections then
    /// arrives. Partitions add up until then. They also hold for nodes that start again.
    ///
    /// Only connections between nodes are affected, through the addresses in `{peers}`, `{others}`, or
    /// `{link}`. A node consists of its program and all its descendants. The test and all other processes
    /// reach all nodes.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use summon::SimpleExecutor;
    ///
    /// let node = SimpleExecutor::new("sleep 100").env("PEERS", "{peers}").listen_fd(true);
    /// let nodes = node.linked(true).nodes(3);
    /// nodes.start()?;
    /// nodes.partition(&[&[0], &[1, 2]])?;
    /// // .. node 0 is alone, and nodes 1 and 2 are a majority ..
    /// assert!(nodes.iter().all(|node| node.is_running()));
    /// nodes.heal()?;
    /// # }
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the cluster has no links, if it has no such node, if a node is named twice, or if the process of
    /// a link was killed. Nothing has changed then.
    pub fn partition(&self, groups: &[&[usize]]) -> Result<(), Error> {
        self.separate(groups).map(drop)
    }

    /// Separates the nodes of different groups ([`partition`](Cluster::partition)) while `body` runs.
    /// Returns the result of `body`. Other partitions stay.
    ///
    /// ```no_run
    /// # let nodes = summon::SimpleExecutor::new("raft {port} {peers}").linked(true).nodes(3);
    /// nodes.partitioned(&[&[0], &[1, 2]], || println!("write to nodes 1 and 2"))?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`partition`](Cluster::partition).
    pub fn partitioned<R>(
        &self,
        groups: &[&[usize]],
        body: impl FnOnce() -> R,
    ) -> Result<R, Error> {
        let number = self.separate(groups)?;
        undoing(body, || self.own.heal(Some(number)))
    }

    /// Separates one node from all others. See [`partition`](Cluster::partition).
    ///
    /// ```no_run
    /// # let nodes = summon::SimpleExecutor::new("raft {port} {peers}").linked(true).nodes(3);
    /// nodes.isolate(0)?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`partition`](Cluster::partition).
    pub fn isolate(&self, node: usize) -> Result<(), Error> {
        self.partition(&[&[node]])
    }

    /// Separates one node from all others ([`isolate`](Cluster::isolate)) while `body` runs. Returns the
    /// result of `body`. Other partitions stay.
    ///
    /// ```no_run
    /// # let nodes = summon::SimpleExecutor::new("raft {port} {peers}").linked(true).nodes(3);
    /// nodes.isolated(0, || println!("nodes 1 and 2 elect a leader"))?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`partition`](Cluster::partition).
    pub fn isolated<R>(&self, node: usize, body: impl FnOnce() -> R) -> Result<R, Error> {
        self.partitioned(&[&[node]], body)
    }

    /// Ends all partitions. The faults of single [links](crate::Link) stay.
    ///
    /// ```no_run
    /// # let nodes = summon::SimpleExecutor::new("raft {port} {peers}").linked(true).nodes(3);
    /// nodes.heal()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process of a link was killed.
    pub fn heal(&self) -> Result<(), Error> {
        self.own.heal(None)
    }

    /// Returns the number of the partition.
    fn separate(&self, groups: &[&[usize]]) -> Result<u64, Error> {
        if let Some(error) = &self.refused {
            return Err(error.clone());
        }
        let groups = self.groups(groups).map_err(|why| {
            let name = self.name();
            Error::new(format!("{name} can't be partitioned: {why}"))
        })?;
        self.own.partition(groups)
    }

    /// Returns the group of each node. Nodes without a group have group 0.
    fn groups(&self, groups: &[&[usize]]) -> Result<Vec<usize>, String> {
        if !self.nodes.iter().all(Process::is_linked) {
            return Err("its nodes have no links; add `links = true`".to_owned());
        }
        let mut found = vec![0; self.nodes.len()];
        for (group, nodes) in (1..).zip(groups) {
            for node in *nodes {
                match found.get_mut(*node) {
                    Some(place @ 0) => *place = group,
                    Some(_) => {
                        return Err(format!(
                            "node {node} is named twice; each node is in one group"
                        ));
                    }
                    None => {
                        return Err(format!(
                            "there is no node {node}; the last one is {}",
                            self.nodes.len() - 1
                        ));
                    }
                }
            }
        }
        Ok(found)
    }
}
