//! The function below the attribute. Its body stays tokens.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, FnArg, Meta, Pat, PatType, ReturnType, Signature, Token, Type, Visibility};

pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: Group,
}

impl Function {
    /// Takes out the `#[summon]` attributes below the current one.
    pub(crate) fn take_stacked(&mut self) -> Vec<Attribute> {
        let all = std::mem::take(&mut self.attributes);
        let (stacked, others) = all.into_iter().partition(is_summon);
        self.attributes = others;
        stacked
    }

    /// The types of the parameters that no other attribute gives a value.
    pub(crate) fn free_types(&self) -> impl Iterator<Item = &Type> {
        self.signature
            .inputs
            .iter()
            .filter_map(|input| match input {
                FnArg::Typed(typed) if is_free(typed) => Some(&*typed.ty),
                _ => None,
            })
    }

    /// Takes out the parameters with a type that `ours` accepts, if no other attribute gives them a value.
    pub(crate) fn take_parameters(&mut self, mut ours: impl FnMut(&Type) -> bool) -> Vec<PatType> {
        let mut taken = Vec::new();
        let mut rest = Punctuated::new();
        for input in std::mem::take(&mut self.signature.inputs) {
            match input {
                FnArg::Typed(it) if is_free(&it) && ours(&it.ty) => taken.push(it),
                other => rest.push(other),
            }
        }
        self.signature.inputs = rest;
        taken
    }

    /// The return type, if the body can name it too.
    pub(crate) fn nameable_output(&self) -> Option<TokenStream> {
        match &self.signature.output {
            ReturnType::Default => Some(quote!(())),
            ReturnType::Type(_, ty) => {
                let tokens = ty.to_token_stream();
                let is_value = !matches!(**ty, Type::Never(_));
                (is_value && is_nameable(tokens.clone())).then_some(tokens)
            }
        }
    }

    /// The return type, if it has `Result` in its name, and the body can name it too.
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

/// Checks that a type has neither a lifetime nor an `impl`.
fn is_nameable(ty: TokenStream) -> bool {
    ty.into_iter().all(|token| match token {
        TokenTree::Group(group) => is_nameable(group.stream()),
        TokenTree::Punct(punct) => !matches!(punct.as_char(), '&' | '\''),
        TokenTree::Ident(word) => word != "impl",
        TokenTree::Literal(_) => true,
    })
}

/// Checks that a parameter has only attributes of lints.
fn is_free(parameter: &PatType) -> bool {
    let lints = ["allow", "expect", "warn", "deny", "forbid"];
    let is_lint = |it: &Attribute| lints.iter().any(|name| it.path().is_ident(name));
    parameter.attrs.iter().all(is_lint)
}

fn is_summon(attribute: &Attribute) -> bool {
    let path = attribute.path();
    let last = path.segments.last();
    last.is_some_and(|last| last.ident == "summon")
        && (path.segments.len() == 1 || path.segments[0].ident == "summon")
        && matches!(attribute.meta, Meta::List(_) | Meta::Path(_))
}

/// The name that a parameter gives to its process. `_` gives none.
pub(crate) fn name(parameter: &PatType) -> Option<String> {
    let Pat::Ident(pattern) = &*parameter.pat else {
        return None;
    };
    let name = pattern.ident.unraw().to_string();
    let name = name.trim_start_matches('_');
    (!name.is_empty()).then(|| name.to_owned())
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Function> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        if input.peek(Token![static]) {
            return Err(input.error(
                "`#[summon]` needs a function; for a process that tests share, write \
                 `#[summon::fixture(..)]` above `static NAME: Fixture;`",
            ));
        }
        if !is_function(&input.fork()) {
            let has_functions =
                input.peek(Token![mod]) || input.peek(Token![impl]) || input.peek(Token![trait]);
            return Err(input.error(match has_functions {
                true => {
                    "`#[summon]` needs a function; move it to each function in here that needs the \
                     process"
                }
                false => {
                    "`#[summon]` needs a function; move it to the function that needs the process"
                }
            }));
        }
        let signature: Signature = input.parse()?;
        let Some(TokenTree::Group(body)) = input.parse()? else {
            let message = "`#[summon]` needs a function with a body, which starts the process; add a \
                           body";
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

/// Checks that only words such as `async` and `extern "C"` come before `fn`.
fn is_function(input: ParseStream<'_>) -> bool {
    loop {
        match input.parse() {
            Ok(TokenTree::Ident(word)) if word == "fn" => return true,
            Ok(TokenTree::Ident(_) | TokenTree::Literal(_)) => {}
            _ => return false,
        }
    }
}
