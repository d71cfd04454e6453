//! `#[summon(..)] fn name(..) { .. }`: reads the attributes and the function, checks both, and expands.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::Meta;
use syn::spanned::Spanned;

use crate::args::Args;
use crate::cases;
use crate::check;
use crate::errors::Errors;
use crate::expand::{self, Model};
use crate::fixture;
use crate::item::Function;
use crate::parameters;
use crate::summoned::Summoned;

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        // Keep the item, so that its users compile.
        Err(error) => {
            let mut output = error.into_compile_error();
            output.extend(fixture::unmade(&item).unwrap_or(item));
            return output;
        }
    };
    let mut errors = Errors::default();
    let model = read(attribute, function, &mut errors);
    match errors.is_empty() {
        true => expand::function(model),
        false => expand::with_errors(errors, model),
    }
}

/// Starts the fixtures that have an `export`, in the function that the attributes above have made. `attribute`
/// holds the arguments of one `#[summon]` after the other, which were checked before.
pub(crate) fn exporting(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let item: Function = match syn::parse2(item) {
        Ok(function) => function,
        Err(error) => return error.into_compile_error(),
    };
    let mut errors = Errors::default();
    let groups = attribute.into_iter().filter_map(|token| match token {
        TokenTree::Group(group) => Some(group.stream()),
        _ => None,
    });
    let summoned = groups.filter_map(|tokens| {
        let args = Args::parse(tokens, &mut errors);
        Summoned::read(args, Span::call_site(), &mut errors)
    });
    let model = Model {
        item,
        summoned: summoned.collect(),
        parameters: Vec::new(),
    };
    expand::function_that_exports(model)
}

fn read(attribute: TokenStream, mut item: Function, errors: &mut Errors) -> Model {
    if let Some(constness) = item.signature.constness.take() {
        let message = "a `const fn` can't start programs; remove `const`";
        errors.at(constness.span, message);
    }
    let mut attributes = vec![(Span::call_site(), attribute)];
    for stacked in item.take_stacked() {
        let place = stacked.path().span();
        attributes.push(match stacked.meta {
            Meta::List(list) => (place, list.tokens),
            _ => (place, TokenStream::new()),
        });
    }
    cases::check(&item.attributes, errors);
    let mut summoned = Vec::new();
    for (place, tokens) in attributes {
        let args = Args::parse(tokens, errors);
        let read = Summoned::read(args, place, errors);
        if let Some(read) = &read {
            read.setup.refuse_lone_block_on(errors);
            check::attribute(read, errors);
        }
        summoned.push(read);
    }
    let parameters = parameters::take(&mut item, &summoned, errors);
    check::attributes(&summoned, &parameters, errors);
    Model {
        item,
        summoned: summoned.into_iter().flatten().collect(),
        parameters,
    }
}
