//! Circles of references: `a` waits for `b`, and `b` waits for `a`.

use std::collections::{BTreeMap, VecDeque};

/// Finds the shortest way from `start` back to itself. `next` lists the nodes that a node refers to.
/// The way begins and ends with `start`.
pub fn through<N>(start: usize, next: impl Fn(usize) -> N) -> Option<Vec<usize>>
where
    N: IntoIterator<Item = usize>,
{
    // For each node, the node that led to it first.
    let mut before = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for to in next(at) {
            before.entry(to).or_insert_with(|| {
                queue.push_back(to);
                at
            });
        }
    }
    let mut way = vec![start, *before.get(&start)?];
    while way[way.len() - 1] != start {
        way.push(before[&way[way.len() - 1]]);
    }
    way.reverse();
    Some(way)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_the_shortest_way_back() {
        let circle = |graph: &[&[usize]], start: usize| {
            through(start, |node: usize| graph[node].iter().copied())
        };
        assert_eq!(circle(&[&[1], &[2], &[]], 0), None);
        assert_eq!(circle(&[&[0]], 0), Some(vec![0, 0]));
        assert_eq!(circle(&[&[1], &[2], &[0]], 1), Some(vec![1, 2, 0, 1]));
        // A circle that the node only leads to is none of its own.
        assert_eq!(circle(&[&[1], &[2], &[1]], 0), None);
        assert_eq!(circle(&[&[1, 3], &[2], &[0], &[0]], 0), Some(vec![0, 3, 0]));
    }
}
