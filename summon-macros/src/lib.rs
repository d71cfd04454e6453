//! The attribute macros of summon. Use them through
//! [`summon`](https://docs.rs/summon-process), which re-exports and documents them.
//!
//! `function` and `fixture` run the steps of the two macros: `args` and `summoned` read an attribute,
//! `item` reads the function, `check` checks literals, and `expand` writes the result. `summon_syntax`
//! reads the texts, here and at run time.
#![warn(clippy::unwrap_used)]

mod args;
mod cases;
mod check;
mod checked_options;
mod errors;
mod expand;
mod export;
mod fixture;
mod function;
mod item;
mod kind;
mod literal;
mod named_values;
mod parameters;
mod program;
mod setup;
#[cfg(test)]
mod snapshots;
mod span;
mod summoned;

#[expect(
    missing_docs,
    reason = "rustdoc would show it below the docs of the re-export"
)]
#[proc_macro_attribute]
pub fn summon(
    attribute: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    function::expand(attribute.into(), item.into()).into()
}

/// Starts fixtures with `export` before the function. [`macro@summon`] puts it below all other attributes.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn exporting(
    attribute: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    function::exporting(attribute.into(), item.into()).into()
}

#[expect(
    missing_docs,
    reason = "rustdoc would show it below the docs of the re-export"
)]
#[proc_macro_attribute]
pub fn fixture(
    attribute: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    fixture::expand(attribute.into(), item.into()).into()
}
