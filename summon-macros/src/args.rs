//! The attribute's arguments: `key = value` and `key(values)`, spans kept.

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, Ident, Token, parenthesized};

/// One argument.
pub(crate) struct Arg {
    pub(crate) key: Ident,
    /// One for `key = value`, any number for `key(values)`.
    pub(crate) values: Vec<Expr>,
}

impl Parse for Arg {
    fn parse(input: ParseStream<'_>) -> syn::Result<Arg> {
        if input.peek(syn::LitStr) {
            return Err(input.error(
                "a command needs its kind, which says when the program is ready: \
                 `simple = \"..\"`, `output = \"..\"`, `tcp = \"..\"`, `http = \"..\"` and others",
            ));
        }
        let key = input.call(Ident::parse_any)?;
        if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            return Ok(Arg {
                key,
                values: vec![input.parse()?],
            });
        }
        if input.peek(syn::token::Paren) {
            let inside;
            parenthesized!(inside in input);
            let values = Punctuated::<Expr, Token![,]>::parse_terminated(&inside)?;
            return Ok(Arg {
                key,
                values: values.into_iter().collect(),
            });
        }
        let message = format!("`{key}` needs a value: `{key} = ..` or `{key}(..)`");
        Err(syn::Error::new(key.span(), message))
    }
}

pub(crate) fn parse(tokens: TokenStream) -> syn::Result<Vec<Arg>> {
    let args = Punctuated::<Arg, Token![,]>::parse_terminated.parse2(tokens)?;
    Ok(args.into_iter().collect())
}

/// Takes out the arguments whose key is one of those.
pub(crate) fn take(args: &mut Vec<Arg>, wanted: impl Fn(&Ident) -> bool) -> Vec<Arg> {
    let (taken, rest) = std::mem::take(args)
        .into_iter()
        .partition(|arg| wanted(&arg.key));
    *args = rest;
    taken
}
