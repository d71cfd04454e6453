//! Separates the nodes of a cluster, and keeps them separated when they start again.

use std::sync::{Arc, MutexGuard, PoisonError, Weak};

use super::network::{Partition, State};
use super::parts::{Nodes, Parts};
use crate::error::Error;
use crate::guard::{Root, Separated};
use crate::sys::proc;

/// The launch of a node with a link. Dropping it tells the links of the other nodes about its guard.
pub(super) struct Launching {
    nodes: Arc<Nodes>,
    index: usize,
}

impl Drop for Launching {
    fn drop(&mut self) {
        let mut state = self.nodes.network();
        let place = state.launching.iter().position(|it| *it == self.index);
        if let Some(place) = place {
            state.launching.remove(place);
        }
        self.nodes.tell_launch(&state);
    }
}

impl Parts {
    /// Begins the launch of a node. Its program may connect before its guard is known, so the links of
    /// separated nodes hold new connections until the value is dropped.
    pub(super) fn begin_launch(&self) -> Option<Launching> {
        let index = self
            .declaration
            .index
            .filter(|_| self.declaration.spec.linked)?;
        let nodes = Arc::clone(self.nodes.get()?);
        let mut state = nodes.network();
        state.launching.push(index);
        nodes.tell_launch(&state);
        drop(state);
        Some(Launching { nodes, index })
    }

    /// Returns the guard of the process, if it runs.
    fn guard(&self) -> Option<Root> {
        let guarded = &self.life.launched()?.guarded;
        let (pid, _) = guarded.state().pids?;
        let identity = proc::identity(pid)?;
        // After the look: the guard lives, so the identity is the guard's own.
        (!guarded.state().gone).then_some(Root { pid, identity })
    }
}

impl Nodes {
    fn network(&self) -> MutexGuard<'_, State> {
        self.network
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Separates nodes of different groups. `groups` has the group of each node. Returns the number of the
    /// partition.
    pub(crate) fn partition(&self, groups: Vec<usize>) -> Result<u64, Error> {
        for node in self.running() {
            node.acquire_link()?;
        }
        let mut state = self.network();
        state.count += 1;
        let number = state.count;
        state.partitions.push(Partition { number, groups });
        let told = self.tell(&state);
        if told.is_err() {
            // The links that could be told must not stay separated.
            state.partitions.pop();
            let _ = self.tell(&state);
        }
        told.map(|()| number)
    }

    /// Ends the partition with this number, or all of them.
    pub(crate) fn heal(&self, number: Option<u64>) -> Result<(), Error> {
        let mut state = self.network();
        let is_left = |it: &Partition| number.is_some_and(|number| it.number != number);
        state.partitions.retain(is_left);
        self.tell(&state)
    }

    fn running(&self) -> impl Iterator<Item = Arc<Parts>> {
        self.all.iter().filter_map(Weak::upgrade)
    }

    /// Tells the links which nodes are separated. Returns the first error. The other links are told all the
    /// same.
    fn tell(&self, state: &State) -> Result<(), Error> {
        let nodes: Vec<Arc<Parts>> = self.running().collect();
        let mut told = Ok(());
        for node in &nodes {
            let (Some(link), Some(index)) = (node.links.own(), node.declaration.index) else {
                continue;
            };
            let is_separated = |other: &&Arc<Parts>| {
                let other = other.declaration.index;
                other.is_some_and(|other| state.separates(index, other))
            };
            let others: Vec<&Arc<Parts>> = nodes.iter().filter(is_separated).collect();
            let mut launching = state.launching.iter();
            let separated = Separated {
                guards: others.iter().filter_map(|it| it.guard()).collect(),
                is_launching: launching.any(|other| state.separates(index, *other)),
            };
            let names: Vec<&str> = others.iter().map(|it| it.name()).collect();
            told = told.and(link.separate(separated, &names));
        }
        told
    }

    /// Tells the links about a launch.
    fn tell_launch(&self, state: &State) {
        if !state.partitions.is_empty() {
            // A link whose process was killed passes nothing on. Its verbs say so.
            let _ = self.tell(state);
        }
    }
}
