//! Processes that wait for each other. The edges are those that the runtime orders a set by.

use syn::LitStr;

use super::set::{self, Set};
use crate::errors::Errors;
use crate::template;

/// A process that waits for another, and the literal that says so.
struct Wait<'a> {
    from: usize,
    to: usize,
    text: &'a LitStr,
}

/// Tells each circle once, under the literal that closes it.
pub(super) fn check(set: &Set<'_>, errors: &mut Errors) {
    let waits = waits(set);
    // Those before the closing one make no circle among themselves.
    let mut known: Vec<&Wait<'_>> = Vec::new();
    for wait in &waits {
        match path(&known, wait.to, wait.from, &mut Vec::new()) {
            None => known.push(wait),
            Some(path) => {
                let circle = [wait.from].into_iter().chain(path);
                let names = circle.filter_map(|index| set.members[index].name.as_deref());
                let names: Vec<_> = names.collect();
                errors.under(
                    wait.text,
                    format!(
                        "these processes wait for each other: {}; leave one of the references out",
                        names.join(" -> ")
                    ),
                );
            }
        }
    }
}

fn waits<'a>(set: &Set<'a>) -> Vec<Wait<'a>> {
    let mut waits: Vec<Wait<'a>> = Vec::new();
    for (from, member) in set.members.iter().enumerate() {
        let mut add = |name: &str, text: &'a LitStr| {
            let is_new = |to: &usize| !waits.iter().any(|it| it.from == from && it.to == *to);
            // Its own placeholders by its own name are no matter of order.
            let to = set.position(name).filter(|to| *to != from);
            if let Some(to) = to.filter(is_new) {
                waits.push(Wait { from, to, text });
            }
        };
        for text in set::texts(member.summoned) {
            template::references(&text.value()).for_each(|name| add(name, text));
        }
        for name in set::after(member.summoned) {
            add(&name.value(), name);
        }
    }
    waits
}

/// The way from one process to another, both included.
fn path(waits: &[&Wait<'_>], from: usize, to: usize, seen: &mut Vec<usize>) -> Option<Vec<usize>> {
    if from == to {
        return Some(vec![to]);
    }
    if seen.contains(&from) {
        return None;
    }
    seen.push(from);
    let nexts = waits.iter().filter(|wait| wait.from == from);
    let rest = nexts.map(|wait| wait.to);
    let mut found = rest.filter_map(|next| path(waits, next, to, seen)).next()?;
    found.insert(0, from);
    Some(found)
}
