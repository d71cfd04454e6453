//! `#[summon::fixture(..)] static NAME: Fixture;`: reads the attribute and the static, checks both, and
//! expands.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use summon_syntax::template;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{
    Attribute, Expr, GenericArgument, Ident, LitStr, PathArguments, PathSegment, Token, Type,
    Visibility,
};

use crate::args::{Arg, Args};
use crate::check;
use crate::checked_options::{self, Takes};
use crate::errors::Errors;
use crate::expand::executor;
use crate::kind::Kind;
use crate::literal;
use crate::parameters;
use crate::span::{ends, own};
use crate::summoned::Summoned;

/// The `static`, which has no value yet.
struct Static {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    name: Ident,
    ty: Type,
}

/// The contents of the attribute.
struct Declared {
    summoned: Summoned,
    /// The function that fills the template of the databases.
    template: Option<Expr>,
    /// Whether the whole run of cargo shares the process.
    is_run: bool,
    /// The fixtures in its placeholders.
    needs: Vec<Ident>,
}

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let read = |input: ParseStream<'_>| Static::read(input, &mut errors);
    let parsed = read.parse2(item.clone());
    let Some(parsed) = errors.keep(parsed) else {
        // Keep the item, so that its users compile.
        let mut output = errors.into_tokens();
        output.extend(item);
        return output;
    };
    let Static {
        attributes,
        visibility,
        name,
        ty,
    } = &parsed;
    let declared = Declared::read(attribute, name, &mut errors);
    if matches!(ty, Type::Path(path) if parameters::is_like_process(&path.path)) {
        let message = format!(
            "a fixture has the type `Fixture`, which dereferences to `Process`; write `static \
             {name}: Fixture;`"
        );
        errors.under(ty, message);
    }
    let Some(declared) = declared.filter(|_| errors.is_empty()) else {
        let mut output = errors.into_tokens();
        output.extend(parsed.unmade());
        return output;
    };
    let value = value(&declared, &parsed);
    quote!(#(#attributes)* #visibility static #name: #ty = #value;)
}

/// Reads a static below `#[summon]`, which the user probably meant to be a fixture.
pub(crate) fn unmade(item: &TokenStream) -> Option<TokenStream> {
    let mut errors = Errors::default();
    let read = |input: ParseStream<'_>| Static::read(input, &mut errors);
    let parsed = read.parse2(item.clone()).ok()?;
    errors.is_empty().then(|| parsed.unmade())
}

impl Static {
    /// A static that compiles, so that its users cause no further errors.
    fn unmade(&self) -> TokenStream {
        let Static {
            attributes,
            visibility,
            name,
            ty,
        } = self;
        let ty = match last(ty).is_some_and(|it| it.ident == "Fixture") {
            true => ty.to_token_stream(),
            false => quote!(::summon::Fixture),
        };
        // rustc evaluates the value, so it must not panic.
        quote! {
            #(#attributes)* #visibility static #name: #ty =
                ::summon::Fixture::new(::summon::__private::Definition {
                    name: "",
                    package: "",
                    code: "",
                    lifetime: ::summon::__private::Lifetime::Binary,
                    make: || ::core::unreachable!(),
                    setup: |_| ::core::unreachable!(),
                    template: ::core::option::Option::None,
                    needs: || ::core::unreachable!(),
                });
        }
    }

    /// Reads a static. Also reads a `const`, `mut`, and a value, which are errors.
    fn read(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Static> {
        let message = "`#[summon::fixture]` needs a `static` without a value; write `static NAME: \
                       Fixture;`, or `#[summon(..)]` above a function";
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        // The colon excludes a `const fn`.
        if input.peek(Token![const]) && input.peek3(Token![:]) {
            let token = input.parse::<Token![const]>()?;
            let message = "a fixture can't be a `const`, because each use of a `const` is a copy; write `static`";
            errors.at(token.span, message);
        } else if input.parse::<Option<Token![static]>>()?.is_none() {
            return Err(input.error(message));
        }
        if let Some(token) = input.parse::<Option<Token![mut]>>()? {
            errors.at(
                token.span,
                "a fixture can't be `mut`, because tests share it; remove `mut`",
            );
        }
        let name = input.parse()?;
        input.parse::<Token![:]>()?;
        let ty = input.parse()?;
        if input.parse::<Option<Token![=]>>()?.is_some() {
            let value: Expr = input.parse()?;
            let message = format!(
                "a fixture gets its value from the attribute; write `static {name}: Fixture;`"
            );
            errors.under(&value, message);
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

impl Declared {
    fn read(attribute: TokenStream, name: &Ident, errors: &mut Errors) -> Option<Declared> {
        let mut args = Args::parse(attribute, errors);
        let template = args.option("template", errors);
        let is_run = args.option("scope", errors);
        let is_run = is_run.and_then(|value| errors.keep(scope(&value)));
        let summoned = Summoned::read(args, Span::call_site(), errors)?;
        if template.is_none() {
            summoned.setup.refuse_lone_block_on(errors);
        }
        check::attribute(&summoned, errors);
        if let (false, Some(arg)) = (
            summoned.kind.is_of_fixture(),
            summoned.calls("linked").next(),
        ) {
            let message = format!(
                "a fixture has no link of its own; each test makes one with `#[summon(link = {name})]`"
            );
            errors.at(arg.key.span(), message);
        }
        if summoned.kind.is_of_fixture() {
            let message = "a fixture can't be the executor of another one; refer to it in a \
                           placeholder, as in `{OTHER.port}`";
            errors.at(summoned.key.span(), message);
        }
        if let Some(nodes) = summoned.nodes() {
            let message = "a fixture is one process, so it has no `nodes`; start the cluster in each test, \
                           with `#[summon(.., nodes = 3)]`";
            errors.at(nodes.key.span(), message);
        }
        check::fixture(&summoned, errors);
        let mut needs = Vec::new();
        for other in references(&summoned) {
            if other.unraw() == name.unraw() {
                let message = format!(
                    "the fixture `{other}` would wait for itself; write its own placeholders \
                     without its name, as in `{{port}}`"
                );
                errors.at(other.span(), message);
            } else if !needs.contains(&other) {
                needs.push(other);
            }
        }
        Some(Declared {
            summoned,
            template,
            is_run: is_run.unwrap_or(false),
            needs,
        })
    }
}

fn scope(value: &Expr) -> syn::Result<bool> {
    let scope = literal::text(value).map(LitStr::value);
    match scope.as_deref() {
        Some("binary") => Ok(false),
        Some("run") => Ok(true),
        _ => {
            let message = format!(
                "`{}` is not a scope; write \"binary\" for one process per test binary, the default, \
                 or \"run\" for one process per run of cargo or nextest",
                scope.unwrap_or_else(|| value.to_token_stream().to_string())
            );
            Err(syn::Error::new_spanned(value, message))
        }
    }
}

fn value(declared: &Declared, item: &Static) -> TokenStream {
    // The user's expressions see the functions below, so these have names that no user has.
    let given = own("executor");
    let executor = executor(&declared.summoned);
    let setup = &declared.summoned.setup;
    let set_up = match &setup.function {
        Some(function) => setup.call(function, &given),
        None => quote! {
            let _ = #given;
            ::core::result::Result::Ok(())
        },
    };
    let template = match &declared.template {
        Some(template) => {
            let database = own("database");
            let call = setup.call(template, &database);
            quote!(::core::option::Option::Some(|#database| #call))
        }
        None => quote!(::core::option::Option::None),
    };
    let (ty, make) = match executor_type(&item.ty) {
        Some(ty) => (ty.to_token_stream(), quote!(typed)),
        None => (quote!(::summon::Process), quote!(of)),
    };
    let needs = declared.needs.iter().map(|other| {
        let name = other.to_string();
        quote!(::summon::__private::needed(#name, &#other))
    });
    let lifetime = match declared.is_run {
        true => quote!(Run),
        false => quote!(Binary),
    };
    let name = item.name.unraw().to_string();
    let code = code(declared);
    let has_function = declared.summoned.setup.function.is_some() || declared.template.is_some();
    let code = match declared.is_run && !has_function {
        true => quote!(#code),
        // Test processes of nextest share one of a binary, and two of one binary may have the same name and text.
        // Two files may have functions of one name, such as `migrate`, that do different things.
        false => quote! {
            ::core::concat!(#code, " at ", ::core::file!(), ":", ::core::line!(), ":", ::core::column!())
        },
    };
    // At the user's type, so that a type mismatch underlines it.
    let (span, _) = ends(&item.ty);
    let made = quote_spanned! {span=>
        ::summon::Fixture::new(::summon::__private::Definition {
            name: #name,
            package: ::core::env!("CARGO_PKG_NAME"),
            code: #code,
            lifetime: ::summon::__private::Lifetime::#lifetime,
            make: __summon_make,
            setup: __summon_setup,
            template: #template,
            needs: __summon_needs,
        })
    };
    quote! {{
        fn __summon_make() -> ::summon::__private::Made<#ty> {
            ::summon::__private::Made::#make(#executor)
        }
        fn __summon_setup(#given: &#ty) -> ::core::result::Result<(), ::std::string::String> {
            #set_up
        }
        fn __summon_needs() -> ::std::vec::Vec<(&'static str, &'static dyn ::summon::__private::Needed)> {
            ::std::vec::Vec::from([#(#needs),*])
        }
        #made
    }}
}

/// The type in `Fixture<T>`, unless it is `Process`.
fn executor_type(ty: &Type) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &last(ty)?.arguments else {
        return None;
    };
    let ty = arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })?;
    let is_process = matches!(ty, Type::Path(path) if parameters::is_process(&path.path));
    (!is_process).then_some(ty)
}

fn last(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// Returns the source text of the options whose values are code.
fn code(declared: &Declared) -> String {
    let is_executor = declared.summoned.kind == Kind::Executor;
    let executor = is_executor.then_some(&declared.summoned.main);
    let setup = &declared.summoned.setup.function;
    let code = executor.into_iter().chain(setup).chain(&declared.template);
    let code: Vec<String> = code.map(|it| it.to_token_stream().to_string()).collect();
    code.join(", ")
}

/// Lists the fixtures in placeholders: `OTHER` in `{OTHER.port}`. Searches all texts of all expressions,
/// except regular expressions.
fn references(summoned: &Summoned) -> Vec<Ident> {
    let parts = summoned.parts.iter().filter(|(name, _)| *name != "banner");
    let is_regex = |arg: &Arg| {
        matches!(
            checked_options::takes(&arg.method()),
            Takes::LineRegex | Takes::TextRegex
        )
    };
    let calls = summoned.calls.iter().filter(|arg| !is_regex(arg));
    let values = std::iter::once(&summoned.main)
        .chain(parts.map(|(_, value)| value))
        .chain(calls.flat_map(|Arg { values, .. }| values));
    let texts = values.flat_map(|value| texts(value.to_token_stream()));
    let names = |text: LitStr| {
        let names: Vec<_> = template::references(&text.value())
            .filter_map(|name| syn::parse_str::<Ident>(name).ok())
            .map(|name| Ident::new(&name.to_string(), text.span()))
            .collect();
        names
    };
    texts.flat_map(names).collect()
}

fn texts(tokens: TokenStream) -> Vec<LitStr> {
    let texts = tokens.into_iter().map(|token| match token {
        TokenTree::Group(group) => texts(group.stream()),
        TokenTree::Literal(literal) => {
            let text = syn::parse2(TokenTree::from(literal).into());
            text.into_iter().collect()
        }
        _ => Vec::new(),
    });
    texts.flatten().collect()
}
