//! Values that are literals. All others are known at run time alone.

use syn::{Expr, Lit, LitStr};

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

/// Without what changes nothing: parentheses, references, and the groups that macros make.
fn bare(value: &Expr) -> &Expr {
    match value {
        Expr::Paren(inner) => bare(&inner.expr),
        Expr::Group(inner) => bare(&inner.expr),
        Expr::Reference(inner) => bare(&inner.expr),
        value => value,
    }
}
