//! The texts of a process that may name others.

use summon_syntax::template::{self, Part};
use syn::{Expr, LitStr};

use crate::args::Arg;
use crate::checked_options::{self, Takes};
use crate::literal;
use crate::summoned::Summoned;

/// Whether no text of the process has its port, as far as all of them are literals.
pub(super) fn lacks_port(summoned: &Summoned) -> bool {
    let names_port = |text: &LitStr| {
        let text = text.value();
        let is_port = |part: &Part<'_>| matches!(part, Part::Own("port"));
        template::parts(&text).iter().any(is_port)
    };
    are_known(summoned) && !texts(summoned).into_iter().any(names_port)
}

/// Whether all texts of the process are literals.
pub(super) fn are_known(summoned: &Summoned) -> bool {
    let is_constant = |arg: &Arg| matches!(arg.values.last(), None | Some(Expr::Lit(_)));
    literal::text(&summoned.main).is_some() && summoned.calls.iter().all(is_constant)
}

/// Lists the literals that may have placeholders.
pub(super) fn texts(summoned: &Summoned) -> Vec<&LitStr> {
    if !summoned.kind.is_command() {
        return Vec::new();
    }
    let mut found = literal::texts(&summoned.main);
    let parts = summoned.parts.iter().filter(|(name, _)| *name != "banner");
    found.extend(parts.flat_map(|(_, value)| literal::texts(value)));
    for arg in &summoned.calls {
        let Some(value) = arg.values.last() else {
            continue;
        };
        match checked_options::takes(&arg.method()) {
            Takes::Text | Takes::Variable => found.extend(literal::text(value)),
            Takes::Texts | Takes::Command => found.extend(literal::texts(value)),
            Takes::Contents => found.extend(text_of(value)),
            Takes::Pairs => {
                let pairs = literal::list(value).unwrap_or_default();
                found.extend(pairs.into_iter().filter_map(|pair| match pair {
                    Expr::Tuple(pair) => literal::text(pair.elems.last()?),
                    _ => None,
                }));
            }
            _ => {}
        }
    }
    found
}

/// The text of a file: a literal, or the text in `Contents::new("..").mode(0o644)`.
fn text_of(contents: &Expr) -> Option<&LitStr> {
    match contents {
        Expr::MethodCall(call) => text_of(&call.receiver),
        Expr::Call(call) if call.args.len() == 1 => text_of(call.args.first()?),
        value => literal::text(value),
    }
}

/// Lists the names in `after`.
pub(super) fn after(summoned: &Summoned) -> impl Iterator<Item = &LitStr> {
    let is_command = summoned.kind.is_command();
    let calls = summoned.calls("after");
    let calls = calls.filter(move |arg| is_command && arg.values.len() == 1);
    calls.filter_map(|arg| literal::text(arg.values.first()?))
}
