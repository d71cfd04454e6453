//! The network between the nodes of a cluster: which of them can't reach each other.

use std::sync::Mutex;

#[derive(Debug, Default)]
pub(super) struct Network(pub(super) Mutex<State>);

#[derive(Debug, Default)]
pub(super) struct State {
    /// The partitions in force.
    pub(super) partitions: Vec<Partition>,
    /// The number of partitions so far.
    pub(super) count: u64,
    /// The nodes that are being launched.
    pub(super) launching: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct Partition {
    pub(super) number: u64,
    /// The group of each node.
    pub(super) groups: Vec<usize>,
}

impl State {
    pub(super) fn separates(&self, one: usize, other: usize) -> bool {
        let mut partitions = self.partitions.iter();
        partitions.any(|it| it.groups[one] != it.groups[other])
    }

    /// Whether the link of this node holds all new connections while these nodes are being launched.
    pub(super) fn holds(&self, link: usize, launching: &[usize]) -> bool {
        launching.iter().any(|other| self.separates(link, *other))
    }
}
