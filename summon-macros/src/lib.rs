//! The attribute macros of summon. Use them through `summon`, which re-exports and documents them.
//!
//! A macro is a pipeline: `args` reads the attribute and `item` the function, `model` says what
//! they mean together and what is wrong with them, and `expand` writes the result.
#![warn(clippy::unwrap_used)]

mod args;
mod expand;
mod fixture;
mod item;
mod model;

use proc_macro::TokenStream;

/// See `summon::summon`, where it is documented.
#[proc_macro_attribute]
pub fn summon(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let item = match item::Function::parse(item.clone().into()) {
        Ok(item) => item,
        // Not a function: the error, and the item as it was, so that nothing else complains.
        Err(error) => {
            let mut output = error.into_compile_error();
            output.extend(proc_macro2::TokenStream::from(item));
            return output.into();
        }
    };
    let output = match model::Model::new(attribute.into(), item) {
        Ok(model) => expand::expand(model),
        Err(wrong) => {
            let (errors, item) = *wrong;
            expand::expand_error(&errors, item)
        }
    };
    output.into()
}

/// See `summon::fixture`, where it is documented.
#[proc_macro_attribute]
pub fn fixture(attribute: TokenStream, item: TokenStream) -> TokenStream {
    fixture::expand(attribute.into(), item.into()).into()
}
