//! Tests with several cases that should panic or pass. The function can't know its case, so a failed
//! start panics in each case. A case that should panic must therefore name the expected panic.

use proc_macro2::TokenTree;
use syn::{Attribute, Expr, Meta};

use crate::errors::Errors;

/// Checks whether all cases should panic.
pub(crate) fn all_should_panic(attributes: &[Attribute]) -> bool {
    let of_all = &attributes[of_cases(attributes)..];
    of_all.iter().any(is_should_panic)
}

/// Returns the text that the panic of a `#[should_panic]` test must contain.
pub(crate) fn expected(attributes: &[Attribute]) -> Option<Expr> {
    let attribute = attributes.iter().find(|it| is_should_panic(it))?;
    match &attribute.meta {
        Meta::NameValue(pair) => Some(pair.value.clone()),
        Meta::List(list) => {
            let pair: syn::MetaNameValue = list.parse_args().ok()?;
            Some(pair.value)
        }
        Meta::Path(_) => None,
    }
}

/// Checks whether some of several cases should panic.
pub(crate) fn some_should_panic(attributes: &[Attribute]) -> bool {
    let of_one = &attributes[..of_cases(attributes)];
    of_one.iter().any(is_should_panic) || attributes.iter().any(has_panics)
}

/// Refuses cases that pass with any panic: the panic of a failed start would pass, too.
pub(crate) fn check(attributes: &[Attribute], errors: &mut Errors) {
    let mut refuse = |attribute, instead: &str| {
        let message = format!(
            "this case would pass if its program can't start, because a failed start panics, too; \
             name the expected panic, as in `{instead}`"
        );
        errors.under(attribute, message);
    };
    for attribute in &attributes[..of_cases(attributes)] {
        if is_should_panic(attribute) && matches!(attribute.meta, Meta::Path(_)) {
            refuse(attribute, "#[should_panic(expected = \"..\")]");
        }
    }
    for attribute in attributes.iter().filter(|it| passes_by_any_panic(it)) {
        refuse(attribute, "=> panics \"..\"");
    }
}

/// Counts the attributes that rstest gives to single cases: all up to the last `#[case]`.
fn of_cases(attributes: &[Attribute]) -> usize {
    let is_case = |attribute: &Attribute| attribute.path().segments[0].ident == "case";
    let last = attributes.iter().rposition(is_case);
    last.map_or(0, |last| last + 1)
}

fn is_should_panic(attribute: &Attribute) -> bool {
    attribute.path().is_ident("should_panic")
}

/// Checks for `#[test_case(.. => panics)]` without a text.
fn passes_by_any_panic(attribute: &Attribute) -> bool {
    let next = after_panics(attribute);
    next.is_some_and(|next| next.is_none_or(|next| is(&next, ";")))
}

/// Checks for `#[test_case(.. => panics "..")]`, also without a text.
fn has_panics(attribute: &Attribute) -> bool {
    after_panics(attribute).is_some()
}

/// Returns the token after `=> panics` of a `#[test_case(..)]`, if any.
fn after_panics(attribute: &Attribute) -> Option<Option<TokenTree>> {
    let last = attribute.path().segments.last()?;
    let Meta::List(list) = &attribute.meta else {
        return None;
    };
    let tokens: Vec<TokenTree> = list.tokens.clone().into_iter().collect();
    let mut pairs = tokens.windows(2);
    let panics = pairs.position(|pair| is(&pair[0], ">") && is(&pair[1], "panics"));
    let panics = panics.filter(|_| last.ident == "test_case")?;
    Some(tokens.get(panics + 2).cloned())
}

fn is(token: &TokenTree, text: &str) -> bool {
    token.to_string() == text
}
