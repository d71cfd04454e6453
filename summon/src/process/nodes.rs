//! The nodes of a cluster: processes that know each other's addresses before they start.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use summon_syntax::nodes;
use summon_syntax::template::{self, Part};

use super::Process;
use super::declaration::Declaration;
use super::joint_start::JointStart;
use super::network::Network;
use super::parts::{Nodes, Parts};
use super::spec::Spec;
use crate::error::Error;
use crate::probe::{NotReady, Probe};

/// Another process, as a text names it.
pub(super) enum Named {
    Process(Arc<Parts>),
    /// A cluster, by its first node.
    Cluster(Arc<Parts>),
}

impl Parts {
    /// Returns the process or the cluster with this name: a node of its cluster, or a member of its
    /// set.
    pub(super) fn named(&self, name: &str) -> Option<Named> {
        let mut own = self.nodes().into_iter();
        if let Some(node) = own.find(|node| node.name() == name) {
            return Some(Named::Process(node));
        }
        if self.declaration.cluster() == Some(name) {
            return self.nodes().into_iter().next().map(Named::Cluster);
        }
        let set = self.set();
        let process = set.find(name).map(Named::Process);
        process.or_else(|| set.first_node(name).map(Named::Cluster))
    }

    /// Returns all nodes of its cluster by index, itself included. Empty if it is no node.
    pub(super) fn nodes(&self) -> Vec<Arc<Parts>> {
        let nodes = self.nodes.get().into_iter().flat_map(|it| it.all.iter());
        nodes.filter_map(Weak::upgrade).collect()
    }

    /// Returns the value of a placeholder that only nodes have.
    pub(super) fn word_of_node(&self, word: &str, label: &str) -> Result<Option<String>, NotReady> {
        let Some(index) = self.declaration.index else {
            return Ok(None);
        };
        match (word, label) {
            ("index", "") => Ok(Some(index.to_string())),
            ("peers", _) => self.addresses(label, None).map(Some),
            ("others", _) => self.addresses(label, Some(index)).map(Some),
            ("link" | "link_port", "") if !self.declaration.spec.linked => {
                Err(NotReady::ever(nodes::without_links(word)))
            }
            ("link", "") => self.address("").map(Some),
            ("link_port", "") => self.word_through_link("port"),
            _ => Ok(None),
        }
    }

    /// Returns the addresses of the nodes with commas between them, without the node `except`.
    fn addresses(&self, label: &str, except: Option<usize>) -> Result<String, NotReady> {
        let nodes = self.nodes().into_iter();
        let nodes = nodes.filter(|node| except.is_none() || node.declaration.index != except);
        let addresses: Result<Vec<String>, NotReady> =
            nodes.map(|node| node.address(label)).collect();
        Ok(addresses?.join(","))
    }

    /// Returns the address for other nodes. A linked node returns its link's address.
    fn address(&self, label: &str) -> Result<String, NotReady> {
        let through = |word| match label {
            "" => self.word_through_link(word),
            _ => Ok(None),
        };
        Ok(match (through("host")?, through("port")?) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            _ => format!("{}:{}", self.try_host()?, self.port(label)?),
        })
    }

    /// Checks that nodes can reach each other.
    pub(super) fn check_links_of_nodes(&self) -> Result<(), Error> {
        let has_ended = |node: &Arc<Parts>| node.links.own().is_some_and(|it| it.has_ended());
        match self.nodes().into_iter().find(has_ended) {
            None => Ok(()),
            Some(node) => Err(self.declaration.bad(format!(
                "the process of the link to {} was killed, so other nodes can't reach it; make a new cluster",
                node.name()
            ))),
        }
    }

    /// Checks the label in a list of the ports of nodes, such as `{peers:raft}`.
    pub(super) fn check_label(&self, node: &Parts, list: Part<'_>) -> Result<(), Error> {
        let texts = node.declaration.texts();
        let texts = texts.iter().filter(|_| node.declaration.index.is_some());
        let labels: BTreeSet<&str> = texts.flat_map(|text| template::labels(text)).collect();
        let labels: Vec<&str> = labels.into_iter().collect();
        match template::unknown_label(list, &labels) {
            None => Ok(()),
            Some(why) => Err(self.declaration.bad(why)),
        }
    }

    /// Leases a port of this label for each node of its cluster, and makes their links.
    pub(super) fn lease_for_nodes(&self, label: &str) -> Result<(), Error> {
        self.nodes().iter().try_for_each(|node| {
            node.lease(label)?;
            match label {
                "" => node.acquire_link(),
                _ => Ok(()),
            }
        })
    }
}

impl Process {
    /// Makes the nodes of a cluster.
    pub(crate) fn nodes(
        spec: &Spec,
        probes: &[Arc<dyn Probe>],
        count: usize,
    ) -> (Vec<Process>, Arc<Nodes>) {
        let node = |index| {
            let declaration = Declaration::new(spec.clone(), probes.to_vec(), Some(index));
            let parts = Arc::new(Parts::new(declaration, Arc::default()));
            Process { parts }
        };
        let made: Vec<Process> = (0..count).map(node).collect();
        let nodes = Arc::new(Nodes {
            all: made
                .iter()
                .map(|node| Arc::downgrade(&node.parts))
                .collect(),
            start: JointStart::default(),
            network: Network::default(),
        });
        for node in &made {
            let _ = node.parts.nodes.set(Arc::clone(&nodes));
        }
        (made, nodes)
    }

    /// Returns which node of its cluster this is. `None` if it is no node.
    pub(crate) fn index(&self) -> Option<usize> {
        self.parts.declaration.index
    }

    /// Returns the name of its cluster, if it is a node.
    pub(crate) fn cluster(&self) -> Option<&str> {
        self.parts.declaration.cluster()
    }

    /// Returns a port that the declaration fixes.
    pub(crate) fn fixed_port(&self) -> Option<u16> {
        let fixed = self.parts.declaration.fixed().next();
        fixed.map(|endpoint| endpoint.port)
    }

    /// Returns the names in `after`.
    pub(crate) fn after(&self) -> &[String] {
        &self.parts.declaration.spec.after
    }

    /// Cancels the start in progress, if there is one.
    pub(crate) fn cancel_start(&self) {
        self.parts.life.cancel_start();
    }

    /// Returns an error about a process that can't be started as declared.
    pub(crate) fn unstartable(&self, why: &str) -> Error {
        self.parts.declaration.bad(why)
    }
}
