//! Values that are literals. All others are known at run time alone.

use syn::{Expr, Lit, LitInt, LitStr, UnOp};

/// A text.
pub(crate) fn text(value: &Expr) -> Option<&LitStr> {
    match bare(value) {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text),
            _ => None,
        },
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

/// The texts in a command: one, or those in a list of words.
pub(crate) fn texts(value: &Expr) -> Vec<&LitStr> {
    match list(value) {
        Some(words) => words.into_iter().filter_map(text).collect(),
        None => text(value).into_iter().collect(),
    }
}

/// An integer, and whether a minus stands before it.
pub(crate) fn integer(value: &Expr) -> Option<(bool, &LitInt)> {
    match bare(value) {
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => {
            integer(&unary.expr).map(|(minus, number)| (!minus, number))
        }
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => Some((false, number)),
            _ => None,
        },
        _ => None,
    }
}

pub(crate) fn is_true(value: &Expr) -> Option<bool> {
    match bare(value) {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Bool(is) => Some(is.value),
            _ => None,
        },
        _ => None,
    }
}

/// Without what changes nothing: parentheses, references, and the groups that macros make.
fn bare(value: &Expr) -> &Expr {
    match value {
        Expr::Paren(inner) => bare(&inner.expr),
        Expr::Group(inner) => bare(&inner.expr),
        Expr::Reference(inner) => bare(&inner.expr),
        value => value,
    }
}
