//! The attribute macros of summon. Use them through
//! [`summon`](https://docs.rs/summon-process), which re-exports and documents them.
//!
//! A macro is a pipeline: `args` reads the attribute and `item` the function, `model` says what
//! they mean together, `check` what is wrong with literals, and `expand` writes the result. What
//! placeholders and URLs are is read by the very files of the runtime, which are linked here.
#![warn(clippy::unwrap_used)]

mod args;
mod cases;
mod check;
mod errors;
mod expand;
mod fixture;
mod item;
mod kind;
mod literal;
mod model;
mod nearest;
mod parameters;
mod program;
#[cfg(test)]
mod snapshots;
#[allow(dead_code, reason = "filling in is the runtime's part")]
mod template;
#[allow(dead_code, reason = "requests are the runtime's part")]
mod url;

use proc_macro2::TokenStream;

#[expect(
    missing_docs,
    reason = "it would be shown below the docs of the re-export"
)]
#[proc_macro_attribute]
pub fn summon(
    attribute: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    on_function(attribute.into(), item.into()).into()
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

fn on_function(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let function = match item::Function::parse(item.clone()) {
        Ok(function) => function,
        // The error, and the item, so that nothing else complains.
        Err(error) => {
            let mut output = error.into_compile_error();
            output.extend(fixture::unmade(&item).unwrap_or(item));
            return output;
        }
    };
    match model::Model::new(attribute, function) {
        Ok(model) => expand::expand(model),
        Err(wrong) => {
            let (errors, function) = *wrong;
            expand::expand_error(errors, function)
        }
    }
}
