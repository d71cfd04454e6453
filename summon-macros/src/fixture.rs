//! `#[summon::fixture(..)] static NAME: Fixture;`

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Expr, Ident, Lit, LitStr, Token, Type, Visibility};

use crate::args;
use crate::expand::executor;
use crate::item::own;
use crate::model::{Errors, Kind, Summoned, one_value};

/// The `static`, which has no value: the attribute gives it one.
struct Static {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    name: Ident,
    ty: Type,
}

struct Declared {
    summoned: Summoned,
    setup: Option<Expr>,
    is_run: bool,
}

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let item: Static = match syn::parse2(item.clone()) {
        Ok(item) => item,
        Err(error) => {
            let mut output = error.into_compile_error();
            // What is no such static may be something that others refer to.
            if !is_static_without_value(&item) {
                output.extend(item);
            }
            return output;
        }
    };
    let Static {
        attributes,
        visibility,
        name,
        ty,
    } = &item;
    let (errors, value) = match parse(attribute.clone()) {
        Ok(declared) => (TokenStream::new(), value(&declared, name, attribute)),
        // So that whoever uses the static makes no errors of his own.
        Err(error) => (error.into_compile_error(), quote!(::core::unreachable!())),
    };
    quote! {
        #errors
        #(#attributes)*
        #visibility static #name: #ty = #value;
    }
}

fn parse(attribute: TokenStream) -> syn::Result<Declared> {
    let mut errors = Errors::default();
    let mut args = args::parse(attribute)?;
    let mut setup = None;
    for arg in args::take(&mut args, |key| key == "setup") {
        let again = setup.is_some().then(|| twice(&arg.key));
        again.into_iter().for_each(|error| errors.add(error));
        setup = errors.keep(one_value(arg));
    }
    let mut is_run = None;
    for arg in args::take(&mut args, |key| key == "scope") {
        let again = is_run.is_some().then(|| twice(&arg.key));
        again.into_iter().for_each(|error| errors.add(error));
        is_run = errors.keep(one_value(arg).and_then(|value| scope(&value)));
    }
    let summoned = errors.keep(Summoned::from_args(args));
    if let Some(Summoned {
        kind: Kind::Fixture,
        key,
        ..
    }) = &summoned
    {
        let message = "a fixture can't be made of another; refer to it in a placeholder, as in `{OTHER.port}`";
        errors.add(syn::Error::new(key.span(), message));
    }
    match (errors.0, summoned) {
        (Some(errors), _) => Err(errors),
        (None, Some(summoned)) => Ok(Declared {
            summoned,
            setup,
            is_run: is_run.unwrap_or(false),
        }),
        (None, None) => Err(syn::Error::new(Span::call_site(), "no fixture")),
    }
}

fn twice(key: &Ident) -> syn::Error {
    syn::Error::new(key.span(), format!("`{key}` is given twice"))
}

fn scope(value: &Expr) -> syn::Result<bool> {
    if let Expr::Lit(literal) = value {
        if let Lit::Str(text) = &literal.lit {
            match text.value().as_str() {
                "binary" => return Ok(false),
                "run" => return Ok(true),
                _ => {}
            }
        }
    }
    let message = "the scope is \"binary\" (once per test binary, the default) or \"run\" (once per run of cargo or nextest)";
    Err(syn::Error::new_spanned(value, message))
}

fn value(declared: &Declared, name: &Ident, attribute: TokenStream) -> TokenStream {
    // Names that no user has: functions of an expansion are seen by the user's own expressions.
    let process = own("process");
    let executor = executor(&declared.summoned);
    let setup = match &declared.setup {
        // At the user's path, where a mismatch belongs.
        Some(setup) => {
            let span = setup
                .to_token_stream()
                .into_iter()
                .next()
                .map_or_else(Span::call_site, |it| it.span());
            quote_spanned!(span=> ::summon::__private::set_up(#setup, #process))
        }
        None => quote!({
            let _ = #process;
            ::core::result::Result::Ok(())
        }),
    };
    let text = attribute.to_string();
    let needs = references(attribute).into_iter().map(|literal| {
        let name = literal.to_string();
        quote!((#name, &#literal))
    });
    let scope = match declared.is_run {
        true => quote!(Run),
        false => quote!(Binary),
    };
    let name = syn::ext::IdentExt::unraw(name).to_string();
    quote! {{
        fn __summon_make() -> ::summon::__private::Arc<dyn ::summon::Executor> {
            ::summon::__private::Arc::new(#executor)
        }
        fn __summon_setup(#process: &::summon::Process) -> ::core::result::Result<(), ::std::string::String> {
            #setup
        }
        fn __summon_needs() -> ::std::vec::Vec<(&'static str, &'static ::summon::Fixture)> {
            ::std::vec::Vec::from([#(#needs),*])
        }
        ::summon::Fixture::new(::summon::__private::Plan {
            name: #name,
            package: ::core::env!("CARGO_PKG_NAME"),
            text: #text,
            scope: ::summon::__private::FixtureScope::#scope,
            make: __summon_make,
            setup: __summon_setup,
            needs: __summon_needs,
        })
    }}
}

/// The statics that the placeholders in an attribute's texts speak of: `OTHER` of `{OTHER.port}`.
fn references(tokens: TokenStream) -> Vec<Ident> {
    let mut found: Vec<Ident> = Vec::new();
    for token in tokens {
        let names = match token {
            TokenTree::Group(group) => references(group.stream()),
            TokenTree::Literal(literal) => match syn::parse_str::<LitStr>(&literal.to_string()) {
                Ok(text) => names_in(&text.value(), literal.span()),
                Err(_) => Vec::new(),
            },
            _ => Vec::new(),
        };
        for name in names {
            if !found.contains(&name) {
                found.push(name);
            }
        }
    }
    found
}

/// As the templates of the runtime crate read a text: `{{` and `${` are none.
fn names_in(text: &str, span: Span) -> Vec<Ident> {
    let mut found = Vec::new();
    let mut rest = text.replace("{{", "");
    while let Some(brace) = rest.find('{') {
        let inside = rest[brace + 1..]
            .split('}')
            .next()
            .unwrap_or_default()
            .to_owned();
        if let (Some((name, word)), false) = (inside.split_once('.'), rest[..brace].ends_with('$'))
        {
            if let (Ok(name), Ok(_)) =
                (syn::parse_str::<Ident>(name), syn::parse_str::<Ident>(word))
            {
                found.push(Ident::new(&name.to_string(), span));
            }
        }
        rest = rest[brace + 1..].to_owned();
    }
    found
}

fn is_static_without_value(item: &TokenStream) -> bool {
    let mut tokens = item.clone().into_iter();
    let is_word =
        |token: &TokenTree, word: &str| matches!(token, TokenTree::Ident(it) if it == word);
    tokens.any(|token| is_word(&token, "static"))
}

impl Parse for Static {
    fn parse(input: ParseStream<'_>) -> syn::Result<Static> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let message =
            "`#[summon::fixture]` goes on a `static` without a value: `static NAME: Fixture;`";
        input
            .parse::<Token![static]>()
            .map_err(|error| syn::Error::new(error.span(), message))?;
        if input.peek(Token![mut]) {
            return Err(input.error("a fixture is never changed; leave out `mut`"));
        }
        let name = input.parse()?;
        input.parse::<Token![:]>()?;
        let ty = input.parse()?;
        if input.peek(Token![=]) {
            return Err(input.error("the attribute makes the value; write `static NAME: Fixture;`"));
        }
        input.parse::<Token![;]>()?;
        Ok(Static {
            attributes,
            visibility,
            name,
            ty,
        })
    }
}
