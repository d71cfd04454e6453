//! The start order of a set.

use summon_syntax::{circle, nodes};

use crate::error::Error;
use crate::executor::Executor;
use crate::process::Process;

/// Returns the processes of a node, each with its name in the set.
pub(super) fn named(node: &dyn Executor) -> Vec<(String, &Process)> {
    let name = |process: &Process| match (node.shared_as(), process.index()) {
        (None, _) => process.name().to_owned(),
        (Some(shared), None) => shared.to_owned(),
        (Some(shared), Some(index)) => nodes::name(shared, index),
    };
    let processes = node.processes().into_iter();
    processes.map(|it| (name(it), it)).collect()
}

/// Returns the name of a node in the set: that of its process, or of its cluster.
pub(super) fn name(node: &dyn Executor) -> Option<&str> {
    let first = node.processes().into_iter().next()?;
    let own = match node.process() {
        Some(process) => process.name(),
        None => first.cluster().unwrap_or_else(|| first.name()),
    };
    Some(node.shared_as().unwrap_or(own))
}

/// Returns all names of a node in the set.
fn names(node: &dyn Executor) -> Vec<String> {
    let cluster = name(node).map(str::to_owned);
    let processes = named(node).into_iter().map(|(name, _)| name);
    let mut names: Vec<String> = cluster.into_iter().chain(processes).collect();
    names.dedup();
    names
}

/// For each node, the nodes that must be ready before it starts.
#[derive(Debug)]
pub(crate) struct Order {
    pub(super) before: Vec<Vec<usize>>,
}

impl Order {
    /// Computes the order from names, placeholders, `after`, and barriers.
    pub(super) fn of(nodes: &[&dyn Executor]) -> Result<Order, Error> {
        let names: Vec<Vec<String>> = nodes.iter().map(|node| names(*node)).collect();
        for (index, own) in names.iter().enumerate() {
            let mut earlier = names[..index].iter().flatten();
            let process = nodes[index].processes().into_iter().next();
            if let (Some(name), Some(process)) = (earlier.find(|it| own.contains(it)), process) {
                return Err(process.misplaced(format!(
                    "two processes of one set are named `{name}`; rename one with `named`"
                )));
            }
        }
        let mut order = Order {
            before: vec![Vec::new(); nodes.len()],
        };
        for (index, node) in nodes.iter().enumerate() {
            // The dependencies of a fixture were started with it, and are not in this set.
            // All nodes of a cluster have the same predecessors.
            let process = node.processes().into_iter().next();
            let Some(process) = process.filter(|_| node.shared_as().is_none()) else {
                continue;
            };
            for wanted in process.predecessors() {
                match names.iter().position(|names| names.contains(&wanted)) {
                    // A process may name itself, and a node its cluster. This does not affect the
                    // order.
                    Some(before) if before == index => {}
                    Some(before) => order.before[index].push(before),
                    None => return Err(unknown(process, &wanted, &names)),
                }
            }
        }
        for (index, name) in names.iter().enumerate() {
            if name.is_empty() {
                order.before[index] = (0..index).collect();
                (index + 1..nodes.len()).for_each(|later| order.before[later].push(index));
            }
        }
        match order.circle() {
            None => Ok(order),
            Some(circle) => {
                let name = |index: &usize| {
                    let first = names[*index].first().map(String::as_str);
                    first.unwrap_or("an executor without a process")
                };
                let shown: Vec<_> = circle.iter().map(name).collect();
                Err(Error::new(format!(
                    "these processes wait for each other: {}",
                    shown.join(" -> ")
                )))
            }
        }
    }

    /// Computes the order of the nodes of a cluster, from `after`.
    pub(crate) fn of_cluster(nodes: &[&Process]) -> Result<Order, Error> {
        let position = |name: &String| nodes.iter().position(|node| node.name() == name);
        let before = |(index, node): (usize, &&Process)| {
            let after = node.after().iter().filter_map(position);
            after.filter(|before| *before != index).collect()
        };
        let order = Order {
            before: nodes.iter().enumerate().map(before).collect(),
        };
        match order.circle() {
            None => Ok(order),
            Some(circle) => {
                let shown: Vec<_> = circle.iter().map(|index| nodes[*index].name()).collect();
                let shown = shown.join(" -> ");
                Err(nodes[circle[0]].misplaced(format!("these nodes wait for each other: {shown}")))
            }
        }
    }

    /// Returns an order in which no node depends on another.
    pub(crate) fn parallel(length: usize) -> Order {
        Order {
            before: vec![Vec::new(); length],
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

fn unknown(process: &Process, wanted: &str, names: &[Vec<String>]) -> Error {
    let name = process.name();
    let others = names
        .iter()
        .filter(|names| !names.iter().any(|it| it == name));
    let known: Vec<_> = others.flatten().map(String::as_str).collect();
    let known = match known.as_slice() {
        [] => "the set has no other process".to_owned(),
        known => format!("the set has {}", known.join(", ")),
    };
    let error = process.misplaced(format!(
        "{name} refers to `{wanted}`, which is not in the same set; {known}"
    ));
    // Named like a static.
    if wanted.contains(char::is_lowercase) {
        return error;
    }
    error.fact(
        "hint",
        format!("if `{wanted}` is a fixture, add it to the set, such as by `#[summon(fixture = {wanted})]`"),
    )
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
        let hint = "hint      if `PG` is a fixture, add it to the set, such as by `#[summon(fixture = PG)]`";
        assert!(error(&[&named("a").env("DB", "{PG.url}")]).contains(hint));
        assert!(error(&[&named("a"), &named("a")]).contains("are named `a`"));
    }
}
