//! The attribute macros of summon. Use them through
//! [`summon`](https://docs.rs/summon-process), which re-exports and documents them.
//!
//! A macro is a pipeline: `args` reads the attribute and `item` the function, `model` says what
//! they mean together, `check` what is wrong with literals, and `expand` writes the result. What
//! placeholders, URLs and durations are is read by the very files of the runtime, which are linked
//! here.
#![warn(clippy::unwrap_used)]

mod args;
mod cases;
mod check;
mod duration;
mod errors;
mod expand;
mod fixture;
mod function;
mod item;
mod kind;
mod literal;
mod model;
mod nearest;
mod parameters;
mod program;
#[allow(dead_code, reason = "hints are the runtime's part")]
mod shell;
#[cfg(test)]
mod snapshots;
#[allow(dead_code, reason = "filling in is the runtime's part")]
mod template;
#[allow(dead_code, reason = "requests are the runtime's part")]
mod url;

#[expect(
    missing_docs,
    reason = "it would be shown below the docs of the re-export"
)]
#[proc_macro_attribute]
pub fn summon(
    attribute: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    function::expand(attribute.into(), item.into()).into()
}

#[expect(
    missing_docs,
    reason = "it would be shown below the docs of the re-export"
)]
#[proc_macro_attribute]
pub fn fixture(
    attribute: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    fixture::expand(attribute.into(), item.into()).into()
}
