//! `#[summon(..)] fn name(..) { .. }`

use proc_macro2::TokenStream;

use crate::{expand, fixture, item, model};

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
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
