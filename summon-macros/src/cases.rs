//! Tests with several cases that should panic or pass. The function can't know its case, so a failed
//! start panics in each case. A case that should panic must therefore name the expected panic.

use proc_macro2::TokenTree;
use syn::{Attribute, Meta};

use crate::errors::Errors;

/// Checks whether all cases should panic.
pub(crate) fn all_should_panic(attributes: &[Attribute]) -> bool {
    let of_all = &attributes[of_cases(attributes)..];
    of_all.iter().any(is_should_panic)
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
    let last = attribute.path().segments.last();
    let Meta::List(list) = &attribute.meta else {
        return false;
    };
    if last.is_none_or(|last| last.ident != "test_case") {
        return false;
    }
    let is = |token: &TokenTree, text: &str| token.to_string() == text;
    let tokens: Vec<TokenTree> = list.tokens.clone().into_iter().collect();
    let panics = tokens
        .windows(2)
        .position(|pair| is(&pair[0], ">") && is(&pair[1], "panics"));
    panics.is_some_and(|at| tokens.get(at + 2).is_none_or(|next| is(next, ";")))
}
