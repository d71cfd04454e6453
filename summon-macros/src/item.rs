//! The function that the attribute stands on. Its body stays tokens.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, FnArg, Meta, Pat, ReturnType, Signature, Token, Type, Visibility};

pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: Group,
}

/// A parameter that a process is bound to.
pub(crate) struct Parameter {
    /// For the compiler alone, about its lints.
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) pattern: Pat,
    pub(crate) ty: Type,
}

impl Function {
    pub(crate) fn parse(tokens: TokenStream) -> syn::Result<Function> {
        syn::parse2(tokens)
    }

    /// Takes out the `#[summon]` attributes below the one that is being expanded.
    pub(crate) fn take_stacked(&mut self) -> Vec<Attribute> {
        let all = std::mem::take(&mut self.attributes);
        let (stacked, others) = all.into_iter().partition(is_summon);
        self.attributes = others;
        stacked
    }

    pub(crate) fn count_parameters(&self, ours: impl Fn(&Type) -> bool) -> usize {
        let inputs = self.signature.inputs.iter();
        inputs.filter(|input| is_free(input, &ours)).count()
    }

    /// Takes out the parameters whose type `ours` accepts.
    pub(crate) fn take_parameters(&mut self, ours: impl Fn(&Type) -> bool) -> Vec<Parameter> {
        let mut taken = Vec::new();
        let mut rest = Punctuated::new();
        for input in std::mem::take(&mut self.signature.inputs) {
            let is_taken = is_free(&input, &ours);
            match input {
                FnArg::Typed(typed) if is_taken => taken.push(Parameter {
                    attributes: typed.attrs,
                    pattern: *typed.pat,
                    ty: *typed.ty,
                }),
                other => rest.push(other),
            }
        }
        self.signature.inputs = rest;
        taken
    }

    /// The type that the function returns, if by its name it can be an error, and may be written
    /// in the function's body too.
    pub(crate) fn result(&self) -> Option<&Type> {
        let ReturnType::Type(_, ty) = &self.signature.output else {
            return None;
        };
        let Type::Path(path) = &**ty else {
            return None;
        };
        let last = path.path.segments.last()?;
        let is_result = last.ident.to_string().ends_with("Result");
        (is_result && is_nameable(ty.to_token_stream())).then_some(ty)
    }
}

/// Whether a type has neither a lifetime nor an `impl`.
fn is_nameable(ty: TokenStream) -> bool {
    ty.into_iter().all(|token| match token {
        TokenTree::Group(group) => is_nameable(group.stream()),
        TokenTree::Punct(punct) => !matches!(punct.as_char(), '&' | '\''),
        TokenTree::Ident(word) => word != "impl",
        TokenTree::Literal(_) => true,
    })
}

/// Whether a parameter is of such a type, and has no attribute of somebody who gives it a value.
fn is_free(input: &FnArg, ours: impl Fn(&Type) -> bool) -> bool {
    matches!(input, FnArg::Typed(typed) if typed.attrs.iter().all(is_of_lints) && ours(&typed.ty))
}

fn is_of_lints(attribute: &Attribute) -> bool {
    let lints = ["allow", "expect", "warn", "deny", "forbid"];
    lints.iter().any(|name| attribute.path().is_ident(name))
}

fn is_summon(attribute: &Attribute) -> bool {
    let path = attribute.path();
    let last = path.segments.last();
    last.is_some_and(|last| last.ident == "summon")
        && (path.segments.len() == 1 || path.segments[0].ident == "summon")
        && matches!(attribute.meta, Meta::List(_) | Meta::Path(_))
}

impl Parameter {
    /// The name that the parameter gives its process: none for `_`.
    pub(crate) fn name(&self) -> Option<String> {
        match &self.pattern {
            Pat::Ident(pattern) => {
                let name = pattern.ident.unraw().to_string();
                let name = name.trim_start_matches('_');
                (!name.is_empty()).then(|| name.to_owned())
            }
            _ => None,
        }
    }
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Function> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        if input.peek(Token![static]) {
            return Err(input.error(
                "`#[summon]` goes on a function; a process for many tests is made by \
                 `#[summon::fixture(..)]` on `static NAME: Fixture;`",
            ));
        }
        if !is_function(&input.fork()) {
            let has_functions =
                input.peek(Token![mod]) || input.peek(Token![impl]) || input.peek(Token![trait]);
            return Err(input.error(match has_functions {
                true => "`#[summon]` goes on a function; put it on those in here that need it",
                false => "`#[summon]` goes on a function",
            }));
        }
        let signature: Signature = input.parse()?;
        let Some(TokenTree::Group(body)) = input.parse()? else {
            let message = "`#[summon]` goes on a function with a body, so that it runs in it";
            return Err(syn::Error::new(signature.ident.span(), message));
        };
        Ok(Function {
            attributes,
            visibility,
            signature,
            body,
        })
    }
}

/// Whether nothing but words, such as `async` and `extern "C"`, comes before `fn`.
fn is_function(input: ParseStream<'_>) -> bool {
    loop {
        match input.parse() {
            Ok(TokenTree::Ident(word)) if word == "fn" => return true,
            Ok(TokenTree::Ident(_) | TokenTree::Literal(_)) => {}
            _ => return false,
        }
    }
}

/// Names of expansions must not meet the user's.
pub(crate) fn own(name: &str) -> syn::Ident {
    syn::Ident::new(name, Span::mixed_site())
}
