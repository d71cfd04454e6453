//! Separates the nodes of a cluster, and keeps them separated when they start again.

use std::sync::{Arc, MutexGuard, PoisonError, Weak};

use super::network::{Partition, State};
use super::parts::{Nodes, Parts};
use crate::error::Error;
use crate::guard::{Root, Separated};
use crate::link::{Link, Separating};
use crate::sys::proc;

/// The launch of a node with a link. Dropping it tells the links of the other nodes about its guard.
pub(super) struct Launching {
    nodes: Arc<Nodes>,
    index: usize,
}

impl Drop for Launching {
    fn drop(&mut self) {
        self.nodes.change_launches(|launching| {
            let place = launching.iter().position(|it| *it == self.index);
            place.map(|place| launching.remove(place));
        });
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
        nodes.change_launches(|launching| launching.push(index));
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

    /// Tells all links which nodes are separated. Returns the first error. The other links are told all the
    /// same.
    fn tell(&self, state: &State) -> Result<(), Error> {
        self.tell_some(state, |_| true)
    }

    /// Tells the links of these nodes.
    fn tell_some(&self, state: &State, is_told: impl Fn(usize) -> bool) -> Result<(), Error> {
        let nodes: Vec<Arc<Parts>> = self.running().collect();
        let link = |node: &Arc<Parts>| {
            let index = node.declaration.index.filter(|it| is_told(*it))?;
            Some((index, node.links.own()?))
        };
        let links: Vec<(usize, Link)> = nodes.iter().filter_map(link).collect();
        let mut asked = Vec::new();
        for (index, link) in &links {
            let is_separated = |other: &&Arc<Parts>| {
                let other = other.declaration.index;
                other.is_some_and(|other| state.separates(*index, other))
            };
            let others: Vec<&Arc<Parts>> = nodes.iter().filter(is_separated).collect();
            let separated = Separated {
                guards: others.iter().filter_map(|it| it.guard()).collect(),
                is_launching: state.holds(*index, &state.launching),
            };
            let names: Vec<&str> = others.iter().map(|it| it.name()).collect();
            asked.push(link.separate(separated, names.join(", ")));
        }
        // All orders come before the first answer, so the links look at the processes of the nodes side by
        // side.
        let told = asked.into_iter().map(Separating::finish);
        told.fold(Ok(()), Result::and)
    }

    /// Changes which nodes are being launched, and tells the links.
    fn change_launches(&self, change: impl FnOnce(&mut Vec<usize>)) {
        let mut state = self.network();
        let before = state.launching.clone();
        change(&mut state.launching);
        if state.partitions.is_empty() {
            return;
        }
        // A link that holds all new connections needs the new guards only when it holds them no longer. So a
        // start of many nodes tells each link twice, as a rule.
        let holds = |link| state.holds(link, &before) && state.holds(link, &state.launching);
        // A link whose process was killed passes nothing on. Its verbs say so.
        let _ = self.tell_some(&state, |link| !holds(link));
    }
}
