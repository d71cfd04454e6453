//! Checks that attributes and their items become Rust code, with errors for mistakes. A text
//! without an attribute is tried as literals.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proc_macro2::TokenStream;
use quote::quote;
use summon::probe::Probe;
use summon::{Command, Limit, fuzzing};
use summon_syntax::template;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, File, Item, Meta};

#[path = "../../summon-macros/src/args.rs"]
mod args;
#[path = "../../summon-macros/src/cases.rs"]
mod cases;
#[path = "../../summon-macros/src/check/mod.rs"]
mod check;
#[path = "../../summon-macros/src/checked_options.rs"]
mod checked_options;
#[path = "../../summon-macros/src/errors.rs"]
mod errors;
#[path = "../../summon-macros/src/expand.rs"]
mod expand;
#[path = "../../summon-macros/src/export.rs"]
mod export;
#[path = "../../summon-macros/src/fixture.rs"]
mod fixture;
#[path = "../../summon-macros/src/function.rs"]
mod function;
#[path = "../../summon-macros/src/item.rs"]
mod item;
#[path = "../../summon-macros/src/kind.rs"]
mod kind;
#[path = "../../summon-macros/src/literal.rs"]
mod literal;
#[path = "../../summon-macros/src/named_values.rs"]
mod named_values;
#[path = "../../summon-macros/src/parameters.rs"]
mod parameters;
#[path = "../../summon-macros/src/program.rs"]
mod program;
#[path = "../../summon-macros/src/setup.rs"]
mod setup;
#[path = "../../summon-macros/src/span.rs"]
mod span;
#[path = "../../summon-macros/src/summoned.rs"]
mod summoned;

fuzz_target!(|text: &str| {
    match split(text) {
        Some((attribute, item)) => check(&attribute, item),
        None => check_literals(text),
    }
});

/// Checks that Rust input gives Rust output, with errors before the item if something is wrong.
fn check(attribute: &Attribute, item: TokenStream) {
    let arguments = match &attribute.meta {
        Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    let output = match attribute.path().is_ident("summon") {
        true => function::expand(arguments.clone(), item.clone()),
        false => fixture::expand(arguments.clone(), item.clone()),
    };
    let Ok(before) = syn::parse2::<File>(item.clone()) else {
        return;
    };
    if attribute.path().is_ident("summon") {
        // The attribute that summon itself puts below those of a function.
        let output = function::exporting(quote! { (#arguments) }, item);
        assert!(
            syn::parse2::<File>(output.clone()).is_ok(),
            "no Rust: {output}"
        );
    }
    let Ok(after) = syn::parse2::<File>(output.clone()) else {
        panic!("no Rust: {output}");
    };
    let (errors, items) = after.items.split_at(after.items.len() - before.items.len());
    assert!(errors.iter().all(is_error), "{output}");
    for (before, after) in before.items.iter().zip(items) {
        // A static without a value has no value yet.
        assert!(
            name(before).is_none() || name(before) == name(after),
            "{output}"
        );
    }
}

fn is_error(item: &Item) -> bool {
    let Item::Macro(item) = item else {
        return false;
    };
    let name = item.mac.path.segments.last();
    name.is_some_and(|name| name.ident == "compile_error")
}

fn name(item: &Item) -> Option<String> {
    match item {
        Item::Fn(item) => Some(item.sig.ident.to_string()),
        Item::Static(item) => Some(item.ident.to_string()),
        _ => None,
    }
}

/// Checks that the macros accept a literal if the runtime does. The lines are a command, a URL, and
/// a duration.
fn check_literals(text: &str) {
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (command, url, duration) = (line(), line(), line());
    let is_plain = |text| {
        template::parts(text)
            .iter()
            .all(|it| matches!(it, template::Part::Literal(_)))
    };
    if is_plain(command) {
        let is_good = fuzzing::words(&Command::from(command)).is_ok();
        assert_eq!(is_taken(quote!(simple = #command)), is_good, "{command}");
        assert_eq!(
            is_taken(quote!(simple = "a", stop_command = #command)),
            is_good
        );
    }
    if is_plain(url) {
        let is_good = summon::probe::http(url).check().is_ok();
        assert_eq!(is_taken(quote!(http = "a", url = #url)), is_good, "{url}");
    }
    let is_good = fuzzing::duration(&Limit::from(duration)).is_ok();
    assert_eq!(
        is_taken(quote!(simple = "a", timeout = #duration)),
        is_good,
        "{duration}"
    );
}

fn is_taken(arguments: TokenStream) -> bool {
    let function = quote! { fn f() {} };
    match syn::parse2::<File>(function::expand(arguments, function)) {
        Ok(file) => !file.items.iter().any(is_error),
        Err(error) => panic!("no Rust: {error}"),
    }
}

/// Returns the first attribute, and the item without that attribute.
fn split(text: &str) -> Option<(Attribute, TokenStream)> {
    let tokens: TokenStream = text.parse().ok()?;
    let split = |input: ParseStream<'_>| {
        let mut attributes = input.call(Attribute::parse_outer)?;
        if attributes.is_empty() {
            return Err(input.error("no attribute"));
        }
        let (first, item) = (attributes.remove(0), input.parse::<TokenStream>()?);
        Ok((first, quote!(#(#attributes)* #item)))
    };
    split.parse2(tokens).ok()
}
