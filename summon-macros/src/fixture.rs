//! `#[summon::fixture(..)] static NAME: Fixture;`

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Expr, Ident, LitStr, Token, Type, Visibility};

use crate::args::{Arg, Args};
use crate::check;
use crate::errors::Errors;
use crate::expand::{ends, executor};
use crate::item::own;
use crate::kind::Kind;
use crate::literal;
use crate::model::{Summoned, one_value};
use crate::{parameters, template};

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
    needs: Vec<Ident>,
}

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let read = |input: ParseStream<'_>| Static::read(input, &mut errors);
    let parsed = read.parse2(item.clone());
    let Some(parsed) = errors.keep(parsed) else {
        // It may be something that others refer to.
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
    let text = attribute.to_string();
    let declared = Declared::read(attribute, name, &mut errors);
    if matches!(ty, Type::Path(path) if parameters::is_like_process(&path.path)) {
        let message = format!("a fixture derefs to its process: write `static {name}: Fixture;`");
        errors.under(ty, message);
    }
    let Some(declared) = declared.filter(|_| errors.is_empty()) else {
        let mut output = errors.into_tokens();
        output.extend(parsed.unmade());
        return output;
    };
    let value = value(&declared, &parsed, &text);
    quote!(#(#attributes)* #visibility static #name: #ty = #value;)
}

/// What was meant to be a fixture, but stands below another attribute.
pub(crate) fn unmade(item: &TokenStream) -> Option<TokenStream> {
    let mut errors = Errors::default();
    let read = |input: ParseStream<'_>| Static::read(input, &mut errors);
    let parsed = read.parse2(item.clone()).ok()?;
    errors.is_empty().then(|| parsed.unmade())
}

impl Static {
    /// A static of that name which compiles, so that whoever uses it makes no errors of his own.
    fn unmade(&self) -> TokenStream {
        let Static {
            attributes,
            visibility,
            name,
            ty,
        } = self;
        let is_fixture = matches!(ty, Type::Path(path)
            if path.path.segments.last().is_some_and(|it| it.ident == "Fixture"));
        let ty = match is_fixture {
            true => ty.to_token_stream(),
            false => quote!(::summon::Fixture),
        };
        // The compiler evaluates the value, so it must not panic.
        quote! {
            #(#attributes)* #visibility static #name: #ty =
                ::summon::Fixture::new(::summon::__private::Plan {
                    name: "",
                    package: "",
                    text: "",
                    scope: ::summon::__private::FixtureScope::Binary,
                    make: || ::core::unreachable!(),
                    setup: |_| ::core::unreachable!(),
                    needs: || ::core::unreachable!(),
                });
        }
    }

    /// Reads what was meant, and says what is wrong with it.
    fn read(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Static> {
        let message = "`#[summon::fixture]` goes on a `static` without a value, `static NAME: \
                       Fixture;`; on a function it is `#[summon(..)]`";
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        // Not a `const fn`.
        if input.peek(Token![const]) && input.peek3(Token![:]) {
            let token = input.parse::<Token![const]>()?;
            let message = "a fixture is one for all who use it: write `static` for `const`";
            errors.at(token.span, message);
        } else if input.parse::<Option<Token![static]>>()?.is_none() {
            return Err(input.error(message));
        }
        if let Some(token) = input.parse::<Option<Token![mut]>>()? {
            errors.at(token.span, "a fixture is never changed; leave out `mut`");
        }
        let name = input.parse()?;
        input.parse::<Token![:]>()?;
        let ty = input.parse()?;
        if input.parse::<Option<Token![=]>>()?.is_some() {
            let value: Expr = input.parse()?;
            let message = format!("the attribute makes the value: write `static {name}: Fixture;`");
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
        let setup = option(&mut args, "setup", errors);
        let is_run = option(&mut args, "scope", errors);
        let is_run = is_run.and_then(|value| errors.keep(scope(&value)));
        let summoned = Summoned::read(args, Span::call_site(), errors)?;
        if summoned.kind == Kind::Fixture {
            let message = "a fixture can't be made of another; refer to it in a placeholder, as \
                           in `{OTHER.port}`";
            errors.at(summoned.key.span(), message);
        }
        check::fixture(&summoned, errors);
        let mut needs = Vec::new();
        for other in references(&summoned) {
            if other.unraw() == name.unraw() {
                let message = format!(
                    "`{other}` is this fixture itself, and would wait for itself: leave out its \
                     name, as in `{{port}}`"
                );
                errors.at(other.span(), message);
            } else if !needs.contains(&other) {
                needs.push(other);
            }
        }
        Some(Declared {
            summoned,
            setup,
            is_run: is_run.unwrap_or(false),
            needs,
        })
    }
}

/// The value of an option that a fixture alone has.
fn option(args: &mut Args, name: &str, errors: &mut Errors) -> Option<Expr> {
    let given = args.take(|key| key == name);
    check::twice(&given, Kind::Simple, errors);
    let first = given.into_iter().next()?;
    errors.keep(one_value(first))
}

fn scope(value: &Expr) -> syn::Result<bool> {
    match literal::text(value).map(LitStr::value).as_deref() {
        Some("binary") => Ok(false),
        Some("run") => Ok(true),
        _ => {
            let message = "the scope is \"binary\" (once per test binary, the default) or \"run\" \
                           (once per run of cargo or nextest)";
            Err(syn::Error::new_spanned(value, message))
        }
    }
}

fn value(declared: &Declared, item: &Static, text: &str) -> TokenStream {
    // Names that no user has: functions of an expansion are seen by the user's own expressions.
    let process = own("process");
    let executor = executor(&declared.summoned);
    let setup = match &declared.setup {
        // At the user's path, where a mismatch belongs.
        Some(setup) => {
            let (span, _) = ends(setup);
            quote_spanned!(span=> ::summon::__private::set_up(#setup, #process))
        }
        None => quote! {
            let _ = #process;
            ::core::result::Result::Ok(())
        },
    };
    let needs = declared.needs.iter().map(|other| {
        let name = other.to_string();
        quote!((#name, &#other))
    });
    let scope = match declared.is_run {
        true => quote!(Run),
        false => quote!(Binary),
    };
    let name = item.name.unraw().to_string();
    // At the user's type, where a mismatch belongs.
    let (span, _) = ends(&item.ty);
    let made = quote_spanned! {span=>
        ::summon::Fixture::new(::summon::__private::Plan {
            name: #name,
            package: ::core::env!("CARGO_PKG_NAME"),
            text: #text,
            scope: ::summon::__private::FixtureScope::#scope,
            make: __summon_make,
            setup: __summon_setup,
            needs: __summon_needs,
        })
    };
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
        #made
    }}
}

/// The statics that the placeholders in its texts speak of, `OTHER` of `{OTHER.port}`, wherever in
/// an expression the text stands, but not in regular expressions.
fn references(summoned: &Summoned) -> Vec<Ident> {
    let parts = summoned.parts.iter().filter(|(name, _)| *name != "banner");
    let calls = summoned.calls.iter().filter(|call| call.key != "unless");
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
