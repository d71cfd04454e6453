//! The arguments of an attribute: `key = value` and `key(values)`, with their spans.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, Ident, Token, parenthesized, token};

use crate::checked_options;
use crate::errors::Errors;
use crate::kind::Kind;

pub(crate) struct Arg {
    pub(crate) key: Ident,
    /// One for `key = value`, any number for `key(values)`.
    pub(crate) values: Vec<Expr>,
}

pub(crate) struct Args {
    pub(crate) list: Vec<Arg>,
    /// Whether all arguments could be read. Otherwise nothing is known to be missing.
    pub(crate) is_whole: bool,
}

struct Unreadable {
    error: syn::Error,
    /// Whether the argument ends at the next comma.
    ends_at_comma: bool,
}

impl Arg {
    /// The builder's method: `name` sets what `named` sets, and `link` and `links` what `linked` sets.
    pub(crate) fn method(&self) -> String {
        match self.key.to_string() {
            key if key == "name" => "named".to_owned(),
            key if key == "link" || key == "links" => "linked".to_owned(),
            key => key,
        }
    }

    pub(crate) fn one_value(mut self) -> syn::Result<Expr> {
        match (self.values.pop(), self.values.is_empty()) {
            (Some(value), true) => Ok(value),
            _ => {
                let key = self.key;
                let message = format!("`{key}` takes one value; write `{key} = ..`");
                Err(syn::Error::new(key.span(), message))
            }
        }
    }
}

impl Args {
    /// Reads all arguments. Goes on after an error if it is clear where the next argument begins.
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
            // Skip the rest: where its first argument begins is unknown.
            input.parse::<TokenStream>()
        };
        let _ = read.parse2(tokens);
        args
    }

    fn read(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        while !input.is_empty() {
            match argument(input) {
                Ok(arg) => self.list.push(arg),
                Err(unreadable) if !unreadable.ends_at_comma => return Err(unreadable.error),
                Err(unreadable) => {
                    errors.add(unreadable.error);
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

    /// Takes out the arguments with a `wanted` key.
    pub(crate) fn take(&mut self, wanted: impl Fn(&Ident) -> bool) -> Vec<Arg> {
        let all = std::mem::take(&mut self.list);
        let (taken, rest) = all.into_iter().partition(|arg| wanted(&arg.key));
        self.list = rest;
        taken
    }

    /// Takes out the option `name`.
    pub(crate) fn option(&mut self, name: &str, errors: &mut Errors) -> Option<Expr> {
        let given = self.take(|key| key == name);
        refuse_repeats(&given, errors);
        errors.keep(given.into_iter().next()?.one_value())
    }
}

/// Refuses options that are given twice: the builder would use only the last value.
pub(crate) fn refuse_repeats(args: &[Arg], errors: &mut Errors) {
    for (index, arg) in args.iter().enumerate() {
        let (key, method) = (&arg.key, arg.method());
        let mut earlier = args[..index].iter();
        let earlier = earlier.find(|earlier| earlier.method() == method);
        let Some(earlier) = earlier.filter(|_| !checked_options::may_repeat(&method)) else {
            continue;
        };
        let message = match earlier.key == *key {
            true => format!("`{key}` is given twice; remove one"),
            false => format!("`{key}` means the same as `{}`; remove one", earlier.key),
        };
        errors.at(key.span(), message);
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
    if is_at_end(input) {
        let values = Vec::new();
        return Ok(Arg { key, values });
    }
    input.parse::<Token![=]>().map_err(in_value)?;
    if is_at_end(input) {
        return Err(in_value(needs_value(&key)));
    }
    let values = vec![input.parse().map_err(in_value)?];
    Ok(Arg { key, values })
}

/// Reads a key that has a value, or the key of a kind.
fn key(input: ParseStream<'_>) -> syn::Result<Ident> {
    if input.peek(syn::LitStr) {
        return Err(input.error(format!(
            "a command needs a kind, which tells summon when the program is ready; write, for \
             example, `tcp = \"..\"`; the kinds are {}",
            Kind::list()
        )));
    }
    if !input.peek(Ident::peek_any) {
        return Err(input.error("expected `key = value` or `key(values)`"));
    }
    let is_keyword = !input.peek(Ident);
    let key = input.call(Ident::parse_any)?;
    if input.peek(Token![=]) || input.peek(token::Paren) {
        return match is_keyword {
            true => {
                let message = format!("`{key}` is a keyword of Rust, not an option; remove it");
                Err(syn::Error::new(key.span(), message))
            }
            false => Ok(key),
        };
    }
    // With `bin`, a command may have no arguments. `Summoned` checks that.
    if is_at_end(input) && Kind::of(&key).is_some_and(Kind::is_command) {
        return Ok(key);
    }
    let is_path = input.peek(Token![::]);
    if is_path || key.to_string().starts_with(char::is_uppercase) {
        let value = if is_path {
            "..".to_owned()
        } else {
            key.to_string()
        };
        let message = format!(
            "a value needs a key; write `fixture = {value}` for a fixture, or `executor = {value}` \
             for an executor"
        );
        return Err(syn::Error::new(key.span(), message));
    }
    Err(needs_value(&key))
}

fn is_at_end(input: ParseStream<'_>) -> bool {
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
        None => format!("`{key}` has no value; write `{key} = ..`"),
    };
    syn::Error::new(key.span(), message)
}
