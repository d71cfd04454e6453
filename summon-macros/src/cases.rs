//! A test of several cases, of which some should panic. Its function can't know which case it is
//! run for, so a start that fails panics, and a case that should has to tell that from its own.

use proc_macro2::TokenTree;
use syn::{Attribute, Meta};

use crate::errors::Errors;

/// Whether each test that the function becomes should panic.
pub(crate) fn all_should_panic(attributes: &[Attribute]) -> bool {
    let of_all = &attributes[of_cases(attributes)..];
    of_all.iter().any(is_should_panic)
}

/// Cases that pass by any panic would pass by that of a start that fails.
pub(crate) fn check(attributes: &[Attribute], errors: &mut Errors) {
    let mut refuse = |attribute, instead: &str| {
        let message = format!(
            "a program that can't be started would pass this case, while others fail: say what \
             its panic says, `{instead}`"
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

/// How many attributes rstest takes for those of single cases: all down to the last `#[case]`.
fn of_cases(attributes: &[Attribute]) -> usize {
    let is_case = |attribute: &Attribute| attribute.path().segments[0].ident == "case";
    let last = attributes.iter().rposition(is_case);
    last.map_or(0, |last| last + 1)
}

fn is_should_panic(attribute: &Attribute) -> bool {
    attribute.path().is_ident("should_panic")
}

/// Whether it is `#[test_case(.. => panics)]`, without a text.
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
