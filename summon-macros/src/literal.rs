//! Values that are literals. The macros check only these, and the runtime checks all values.

use syn::{Expr, Lit, LitInt, LitStr, UnOp};

pub(crate) fn text(value: &Expr) -> Option<&LitStr> {
    match literal(value)? {
        Lit::Str(text) => Some(text),
        _ => None,
    }
}

/// The elements of a list.
pub(crate) fn list(value: &Expr) -> Option<Vec<&Expr>> {
    match bare(value) {
        Expr::Array(array) => Some(array.elems.iter().collect()),
        _ => None,
    }
}

/// The texts in a command: one text, or the texts in a list of words.
pub(crate) fn texts(value: &Expr) -> Vec<&LitStr> {
    match list(value) {
        Some(words) => words.into_iter().filter_map(text).collect(),
        None => text(value).into_iter().collect(),
    }
}

/// An integer, and whether it has a minus sign.
pub(crate) fn integer(value: &Expr) -> Option<(bool, &LitInt)> {
    match bare(value) {
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => {
            integer(&unary.expr).map(|(minus, number)| (!minus, number))
        }
        value => match literal(value)? {
            Lit::Int(number) => Some((false, number)),
            _ => None,
        },
    }
}

pub(crate) fn boolean(value: &Expr) -> Option<bool> {
    match literal(value)? {
        Lit::Bool(literal) => Some(literal.value),
        _ => None,
    }
}

pub(crate) fn literal(value: &Expr) -> Option<&Lit> {
    match bare(value) {
        Expr::Lit(literal) => Some(&literal.lit),
        _ => None,
    }
}

/// Removes parentheses, references, and the groups that macros make.
fn bare(value: &Expr) -> &Expr {
    match value {
        Expr::Paren(inner) => bare(&inner.expr),
        Expr::Group(inner) => bare(&inner.expr),
        Expr::Reference(inner) => bare(&inner.expr),
        value => value,
    }
}
