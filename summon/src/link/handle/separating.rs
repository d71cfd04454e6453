//! The order that separates nodes of a cluster. A partition orders it from many links at once.

use std::io;
use std::sync::MutexGuard;

use super::{Link, State, settle};
use crate::error::Error;
use crate::guard::Separated;

/// A link that has the order to separate nodes, and has not answered yet. Until then it takes no other
/// order.
#[must_use = "`finish` waits for the answer"]
pub(crate) struct Separating<'a> {
    link: &'a Link,
    state: MutexGuard<'a, State>,
    nodes: Separated,
    /// The names of the nodes.
    names: String,
    /// The number of the order. `None` if these nodes are separated already.
    sent: Option<io::Result<u64>>,
}

impl Link {
    /// Orders the link to separate these nodes, and no others, from the node behind it.
    pub(crate) fn separate(&self, nodes: Separated, names: String) -> Separating<'_> {
        let state = self.lock();
        let is_new = state.separated.as_ref() != Some(&nodes);
        let sent = is_new.then(|| state.process.separate(nodes.clone()));
        Separating {
            link: self,
            state,
            nodes,
            names,
            sent,
        }
    }
}

impl Separating<'_> {
    /// Waits until the nodes are separated.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let Separating {
            link,
            mut state,
            nodes,
            names,
            sent,
        } = self;
        if let Some(sent) = sent {
            let separated = sent.and_then(|number| state.process.finish(number));
            settle(&mut state.separated, nodes, &separated);
            separated.map_err(|error| link.failed(&error))?;
        }
        if state.separated_names != names {
            let what = match names.as_str() {
                "" => "no longer separated".to_owned(),
                names => format!("separated from {names}"),
            };
            let State {
                history, faults, ..
            } = &mut *state;
            history.note(&what, &faults.all(), &names);
            state.separated_names = names;
        }
        Ok(())
    }
}
