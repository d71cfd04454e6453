//! The attribute's arguments: `key = value` and `key(values)`, spans kept.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, Ident, Token, parenthesized, token};

use crate::errors::Errors;
use crate::kind::Kind;

/// One argument.
pub(crate) struct Arg {
    pub(crate) key: Ident,
    /// One for `key = value`, any number for `key(values)`.
    pub(crate) values: Vec<Expr>,
}

pub(crate) struct Args {
    pub(crate) list: Vec<Arg>,
    /// Whether all could be read. If not, nothing is known to be missing.
    pub(crate) is_whole: bool,
}

/// An argument that can't be read.
struct Unreadable {
    error: syn::Error,
    /// Whether the next comma ends it. In the middle of a value that can't be told.
    ends_at_comma: bool,
}

impl Args {
    /// Reads on after an error, as far as it is clear where the next argument begins.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Args {
        let mut args = Args {
            list: Vec::new(),
            is_whole: true,
        };
        let read = |input: ParseStream<'_>| {
            if let Err(error) = args.read(input, errors) {
                errors.add(error);
                args.is_whole = false;
            }
            // The rest has no beginning.
            input.parse::<TokenStream>()
        };
        let _ = read.parse2(tokens);
        args
    }

    fn read(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        while !input.is_empty() {
            match argument(input) {
                Ok(arg) => self.list.push(arg),
                Err(Unreadable {
                    error,
                    ends_at_comma: false,
                }) => return Err(error),
                Err(Unreadable { error, .. }) => {
                    errors.add(error);
                    self.is_whole = false;
                    while !input.is_empty() && !input.peek(Token![,]) {
                        input.parse::<TokenTree>()?;
                    }
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    }

    /// Takes out the arguments whose key is one of those.
    pub(crate) fn take(&mut self, wanted: impl Fn(&Ident) -> bool) -> Vec<Arg> {
        let all = std::mem::take(&mut self.list);
        let (taken, rest) = all.into_iter().partition(|arg| wanted(&arg.key));
        self.list = rest;
        taken
    }
}

fn argument(input: ParseStream<'_>) -> Result<Arg, Unreadable> {
    let key = key(input).map_err(|error| Unreadable {
        error,
        ends_at_comma: true,
    })?;
    let in_value = |error| Unreadable {
        error,
        ends_at_comma: input.peek(Token![,]),
    };
    if input.peek(token::Paren) {
        let values = parenthesized_values(input).map_err(in_value)?;
        return Ok(Arg { key, values });
    }
    if is_without_value(input) {
        let values = Vec::new();
        return Ok(Arg { key, values });
    }
    input.parse::<Token![=]>().map_err(in_value)?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(in_value(needs_value(&key)));
    }
    let value = input.parse().map_err(in_value)?;
    Ok(Arg {
        key,
        values: vec![value],
    })
}

/// Reads a key, and sees that a value follows.
fn key(input: ParseStream<'_>) -> syn::Result<Ident> {
    if input.peek(syn::LitStr) {
        return Err(input.error(
            "a command needs its kind, which says when the program is ready: \
             `simple = \"..\"`, `output = \"..\"`, `tcp = \"..\"`, `http = \"..\"` and others",
        ));
    }
    if !input.peek(Ident::peek_any) {
        return Err(input.error("expected `key = value` or `key(values)`"));
    }
    let is_keyword = !input.peek(Ident);
    let key = input.call(Ident::parse_any)?;
    if input.peek(Token![=]) || input.peek(token::Paren) {
        return match is_keyword {
            true => Err(syn::Error::new(
                key.span(),
                format!("no option is called `{key}`, which is a keyword"),
            )),
            false => Ok(key),
        };
    }
    // Beside `bin` it needs none: whether there is one is known later.
    if is_without_value(input) && Kind::of(&key).is_some_and(Kind::is_command) {
        return Ok(key);
    }
    let is_other_value = key.to_string().starts_with(char::is_uppercase) || input.peek(Token![::]);
    match is_other_value {
        true => Err(syn::Error::new(
            key.span(),
            "a value needs its key: `fixture = ..` for a shared process, `executor = ..` for an \
             executor",
        )),
        false => Err(needs_value(&key)),
    }
}

fn is_without_value(input: ParseStream<'_>) -> bool {
    input.is_empty() || input.peek(Token![,])
}

fn parenthesized_values(input: ParseStream<'_>) -> syn::Result<Vec<Expr>> {
    let inside;
    parenthesized!(inside in input);
    let values = Punctuated::<Expr, Token![,]>::parse_terminated(&inside)?;
    Ok(values.into_iter().collect())
}

fn needs_value(key: &Ident) -> syn::Error {
    let message = match Kind::of(key) {
        Some(kind) => kind.needs_value(),
        None => format!("`{key}` needs a value: `{key} = ..`, or `{key}()` if it takes none"),
    };
    syn::Error::new(key.span(), message)
}
