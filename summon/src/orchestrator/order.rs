//! The start order of a set.

use summon_syntax::circle;

use crate::error::Error;
use crate::executor::Executor;
use crate::process::Process;

/// Returns the process of a node, with its name in the set.
pub(super) fn named(node: &dyn Executor) -> Option<(&str, &Process)> {
    let process = node.process()?;
    Some((node.shared_as().unwrap_or_else(|| process.name()), process))
}

pub(super) fn name(node: &dyn Executor) -> Option<&str> {
    named(node).map(|(name, _)| name)
}

/// For each node, the nodes that must be ready before it starts.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) before: Vec<Vec<usize>>,
}

impl Order {
    /// Computes the order from names, placeholders, `after`, and barriers.
    pub(super) fn of(nodes: &[&dyn Executor]) -> Result<Order, Error> {
        let names: Vec<Option<&str>> = nodes.iter().map(|node| name(*node)).collect();
        for (index, name) in names.iter().enumerate() {
            if name.is_some() && names[..index].contains(name) {
                let name = name.unwrap_or_default();
                let why =
                    format!("two processes of one set are named `{name}`; rename one with `named`");
                return Err(nodes[index].process().map_or_else(
                    || Error::new(&*why),
                    |process| process.misplaced(why.clone()),
                ));
            }
        }
        let mut order = Order {
            before: vec![Vec::new(); nodes.len()],
        };
        for (index, node) in nodes.iter().enumerate() {
            // The dependencies of a fixture were started with it, and are not in this set.
            let Some(process) = node.process().filter(|_| node.shared_as().is_none()) else {
                continue;
            };
            for wanted in process.predecessors() {
                match names.iter().position(|name| *name == Some(wanted.as_str())) {
                    // A process may name itself. This does not affect the order.
                    Some(before) if before == index => {}
                    Some(before) => order.before[index].push(before),
                    None => return Err(unknown(process, &wanted, &names)),
                }
            }
        }
        for (index, name) in names.iter().enumerate() {
            if name.is_none() {
                order.before[index] = (0..index).collect();
                (index + 1..nodes.len()).for_each(|later| order.before[later].push(index));
            }
        }
        match order.circle() {
            None => Ok(order),
            Some(circle) => {
                let name = |index: &usize| names[*index].unwrap_or("an executor without a process");
                let shown: Vec<_> = circle.iter().map(name).collect();
                Err(Error::new(format!(
                    "these processes wait for each other: {}",
                    shown.join(" -> ")
                )))
            }
        }
    }

    /// Returns an order in which each node follows the previous one.
    pub(super) fn sequence(length: usize) -> Order {
        let before = |index: usize| index.checked_sub(1).into_iter().collect();
        Order {
            before: (0..length).map(before).collect(),
        }
    }

    /// Returns the order with all dependencies reversed.
    pub(super) fn reversed(&self) -> Order {
        let mut reversed = vec![Vec::new(); self.before.len()];
        for (index, before) in self.before.iter().enumerate() {
            before.iter().for_each(|other| reversed[*other].push(index));
        }
        Order { before: reversed }
    }

    /// Returns a cycle of nodes, which ends with its first node.
    fn circle(&self) -> Option<Vec<usize>> {
        let before = |at: usize| self.before[at].iter().copied();
        (0..self.before.len()).find_map(|start| circle::through(start, before))
    }
}

fn unknown(process: &Process, wanted: &str, names: &[Option<&str>]) -> Error {
    let name = process.name();
    let known: Vec<_> = names
        .iter()
        .flatten()
        .filter(|other| **other != name)
        .copied()
        .collect();
    let known = match known.as_slice() {
        [] => "the set has no other process".to_owned(),
        known => format!("the set has {}", known.join(", ")),
    };
    process.misplaced(format!(
        "{name} refers to `{wanted}`, which is not in the same set; {known}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SimpleExecutor;

    struct Barrier;

    impl Executor for Barrier {
        fn start(&self) -> Result<(), Error> {
            Ok(())
        }

        fn stop(&self) -> Result<(), Error> {
            Ok(())
        }
    }

    fn named(name: &str) -> SimpleExecutor {
        SimpleExecutor::new("true").named(name)
    }

    #[test]
    fn placeholders_and_after_make_the_order() {
        let api = named("api").env("DB", "{db.port}").after("cache");
        let order = Order::of(&[&api, &named("db"), &named("cache")]).unwrap();
        assert_eq!(order.before, [vec![2, 1], vec![], vec![]]);
        assert_eq!(order.reversed().before, [vec![], vec![0], vec![0]]);
    }

    #[test]
    fn an_executor_without_a_process_is_a_barrier() {
        let order = Order::of(&[&named("a"), &Barrier, &named("b")]).unwrap();
        assert_eq!(order.before, [vec![], vec![0], vec![1]]);
    }

    #[test]
    fn what_can_not_be_ordered_is_an_error() {
        let error = |nodes: &[&dyn Executor]| Order::of(nodes).unwrap_err().to_string();
        assert_eq!(
            error(&[
                &named("a").after("b"),
                &named("b").arg("{c.port}"),
                &named("c").after("a")
            ]),
            "these processes wait for each other: a -> b -> c -> a"
        );
        assert_eq!(
            error(&[&named("a").after("d"), &named("b")]).lines().next(),
            Some("a refers to `d`, which is not in the same set; the set has b")
        );
        assert!(error(&[&named("a"), &named("a")]).contains("are named `a`"));
    }
}
