//! Finds processes that wait for each other. The runtime orders a set by the same references.

use summon_syntax::{circle, template};
use syn::LitStr;

use super::set::Set;
use super::texts;
use crate::errors::Errors;

/// A process that waits for another, because of a literal.
struct Wait<'a> {
    from: usize,
    to: usize,
    text: &'a LitStr,
}

/// Adds one error for each circle, under the literal that closes it.
pub(super) fn check(set: &Set<'_>, errors: &mut Errors) {
    // These have no circle.
    let mut known: Vec<Wait<'_>> = Vec::new();
    for wait in waits(set) {
        let (from, text) = (wait.from, wait.text);
        known.push(wait);
        let next = |at| known.iter().filter(move |it| it.from == at);
        let Some(circle) = circle::through(from, |at| next(at).map(|it| it.to)) else {
            continue;
        };
        known.pop();
        let names = circle.iter();
        let names = names.filter_map(|index| set.members[*index].name.as_deref());
        let names: Vec<_> = names.collect();
        errors.under(
            text,
            format!(
                "these processes wait for each other: {}; remove one of these references",
                names.join(" -> ")
            ),
        );
    }
}

fn waits<'a>(set: &Set<'a>) -> Vec<Wait<'a>> {
    let mut waits: Vec<Wait<'a>> = Vec::new();
    for (from, member) in set.members.iter().enumerate() {
        let mut add = |name: &str, text: &'a LitStr| {
            let is_new = |to: &usize| !waits.iter().any(|it| it.from == from && it.to == *to);
            // A process may use its own name in its placeholders.
            let to = set.member(name).filter(|to| *to != from);
            if let Some(to) = to.filter(is_new) {
                waits.push(Wait { from, to, text });
            }
        };
        for text in texts::texts(member.summoned) {
            template::references(&text.value()).for_each(|name| add(name, text));
        }
        for name in texts::after(member.summoned) {
            add(&name.value(), name);
        }
    }
    waits
}
