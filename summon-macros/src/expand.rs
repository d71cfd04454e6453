//! The expansion of `#[summon(..)]`: statements before the function's own, in the same block.

use proc_macro2::{Delimiter, Group, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Expr, Ident, LitStr, PatType, ReturnType, Type};

use crate::args::Arg;
use crate::cases;
use crate::checked_options;
use crate::errors::Errors;
use crate::item::{self, Function};
use crate::kind::Kind;
use crate::literal;
use crate::program::{Program, Target, VARIABLE};
use crate::span::{ends, own, split_inner};
use crate::summoned::Summoned;

/// A function without the attributes and the parameters of summon, and what these say.
pub(crate) struct Model {
    pub(crate) item: Function,
    pub(crate) summoned: Vec<Summoned>,
    /// None, or one for each attribute.
    pub(crate) parameters: Vec<PatType>,
}

/// Expands a function. A fixture with an `export` starts below the attributes of others: their setup may read
/// the variable, and it runs before the body.
pub(crate) fn function(mut model: Model) -> TokenStream {
    let exports = exports(&model);
    if exports.is_empty() {
        return start(model, Place::Body);
    }
    let below = syn::parse_quote!(#[::summon::__private::exporting(#(#exports)*)]);
    model.item.attributes.push(below);
    start(model, Place::BodyOfExporting)
}

/// Expands the function that starts the fixtures with an `export`.
pub(crate) fn function_that_exports(model: Model) -> TokenStream {
    start(model, Place::Below)
}

/// Where the executors start.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the body of the user's function.
    Body,
    /// There, but the fixtures with an `export` have started before.
    BodyOfExporting,
    /// In a function that another attribute has made around the user's.
    Below,
}

/// The arguments of the attributes with an `export`, in parentheses, with the name of the parameter.
fn exports(model: &Model) -> Vec<TokenStream> {
    let members = model.summoned.iter().enumerate();
    let exports = members.filter_map(|(index, summoned)| {
        let Summoned { key, main, .. } = summoned;
        let export = summoned.export.as_ref()?;
        // The function below has no parameter, so the key gives the fixture its name there.
        let parameter = model.parameters.get(index).and_then(item::name);
        let name = parameter.map(|name| quote!(, name = #name));
        Some(quote!((#key = #main, export = #export #name)))
    });
    exports.collect()
}

fn start(model: Model, place: Place) -> TokenStream {
    let Model {
        item,
        summoned,
        parameters,
    } = model;
    let mut executors = TokenStream::new();
    let mut members = TokenStream::new();
    let mut bindings = TokenStream::new();
    for (index, summoned) in summoned.iter().enumerate() {
        // At the key, so that an error about the executor underlines its attribute.
        let name = Ident::new(&format!("executor_{index}"), ends(&summoned.key).0);
        let parameter = parameters.get(index);
        let called = match parameter.and_then(item::name) {
            Some(called) => quote!(::core::option::Option::Some(#called)),
            None => quote!(::core::option::Option::None),
        };
        let executor = match summoned.kind {
            Kind::Fixture => {
                let used = used("Used", summoned, &called);
                match (&summoned.export, place) {
                    (Some(variable), Place::Below) => quote!(#used.export(#variable)),
                    (Some(_), _) => quote!(#used.exported_below()),
                    (None, _) => used,
                }
            }
            Kind::Database => used("Cloned", summoned, &called),
            Kind::Link => used("Linked", summoned, &called),
            _ => executor(summoned),
        };
        let given = match (summoned.kind, summoned.nodes()) {
            (Kind::Executor, _) => None,
            (_, Some(_)) => Some(quote!(::summon::Cluster)),
            _ => Some(quote!(::summon::Process)),
        };
        let executor = summoned.setup.wrap(executor, given);
        executors.extend(quote!(let #name = #executor;));
        let member = reference(&name, &summoned.main);
        members.extend(quote!((#called, #member),));
        if let Some(parameter) = parameter {
            bindings.extend(bind(parameter, &reference(&name, &parameter.ty)));
        }
    }
    let (inner, mut statements) = split_inner(item.body.stream());
    let is_started = summoned.iter().all(|summoned| summoned.export.is_some());
    if place == Place::BodyOfExporting && is_started {
        let executors = (!bindings.is_empty()).then_some(executors);
        return with_body(&item, &quote!(#inner #executors #bindings #statements));
    }
    let (scope, error, name) = (own("_scope"), own("error"), &item.signature.ident);
    let all_should_panic = cases::all_should_panic(&item.attributes);
    let started = match all_should_panic {
        true => quote!(::summon::__private::expect_panic(scope)),
        false => quote!(scope),
    };
    // A test that should panic must not pass because of a failed start or stop.
    let returns_nothing = matches!(item.signature.output, ReturnType::Default);
    let judges_panic = all_should_panic && returns_nothing;
    let failed = match judges_panic {
        true => {
            let expected = cases::expected(&item.attributes);
            let expected = expected.map_or_else(|| quote!(""), ToTokens::into_token_stream);
            quote!({
                ::summon::__private::skip_by_panic(&#error, #expected);
                ::summon::__private::report(&#error);
                return;
            })
        }
        false => failed(&item, &error),
    };
    // The scope comes before the function's own locals, so it is dropped after them.
    let prologue = quote! {
        #executors
        let #scope = match ::summon::__private::scope(
            ::core::concat!(::core::module_path!(), "::", ::core::stringify!(#name)),
            [#members],
            |error| ::summon::__private::fail_at_end(error),
        ) {
            ::core::result::Result::Ok(scope) => #started,
            ::core::result::Result::Err(#error) => #failed,
        };
        #bindings
    };
    if judges_panic {
        statements = expected(&item, &scope, &statements);
    } else if let Some(ty) = item.result() {
        statements = judged(&item, ty, &scope, &statements);
    }
    with_body(&item, &quote!(#inner #prologue #statements))
}

/// The errors, and the function without its processes.
pub(crate) fn with_errors(errors: Errors, model: Model) -> TokenStream {
    let Model {
        mut item,
        parameters,
        ..
    } = model;
    let (inner, statements) = split_inner(item.body.stream());
    // The body names the parameters. Bind them, so that it causes no further errors.
    let nothing = quote!(::core::unreachable!());
    let bindings: TokenStream = parameters.iter().map(|it| bind(it, &nothing)).collect();
    if !parameters.is_empty() {
        let allow = syn::parse_quote!(#[allow(unreachable_code, unused)]);
        item.attributes.push(allow);
    }
    let mut output = errors.into_tokens();
    output.extend(with_body(&item, &quote!(#inner #bindings #statements)));
    output
}

fn bind(parameter: &PatType, value: &TokenStream) -> TokenStream {
    let PatType { attrs, pat, ty, .. } = parameter;
    quote!(#(#attrs)* let #pat: #ty = #value;)
}

fn with_body(item: &Function, body: &TokenStream) -> TokenStream {
    let Function {
        attributes,
        visibility,
        signature,
        body: written,
    } = item;
    // The user's own braces, so that an error about the block has its place.
    let mut block = Group::new(Delimiter::Brace, body.clone());
    block.set_span(written.span());
    quote!(#(#attributes)* #visibility #signature #block)
}

/// The statements of a function that may return an error, which ends its scope as a failure. They are in
/// a closure, so that `?` and `return` stay in it.
fn judged(item: &Function, ty: &Type, scope: &Ident, statements: &TokenStream) -> TokenStream {
    let result = own("result");
    let body = match item.signature.asyncness {
        None => quote!(::summon::__private::call(|| -> #ty { #statements })),
        // An async block can't name its type, so a `return` that never runs does.
        Some(_) => quote! {
            async {
                if false {
                    return ::summon::__private::never::<#ty>();
                }
                #statements
            }.await
        },
    };
    quote! {
        let #result: #ty = #body;
        {
            use ::summon::__private::Unknown as _;
            let returned = ::summon::__private::Returned(&#result);
            if returned.is_failure() {
                ::summon::__private::has_failed(&#scope, returned.text());
            }
        }
        #result
    }
}

/// The statements of a function whose start has failed. A test whose program is not there returns, if it
/// may be skipped and summon can make the value that it returns.
fn failed(item: &Function, error: &Ident) -> TokenStream {
    let fail = quote!(::summon::__private::fail(&#error));
    match item.nameable_output() {
        // A case that should panic would fail by the return, and the others would not.
        Some(ty) if !cases::some_should_panic(&item.attributes) => quote!({
            use ::summon::__private::Unmade as _;
            match ::summon::__private::Skipped::<#ty>::by(&#error).value() {
                ::core::option::Option::Some(value) => return value,
                ::core::option::Option::None => #fail,
            }
        }),
        _ => fail,
    }
}

/// The statements of a test that should panic. Their panic goes on after the stop, and not if the stop
/// fails.
fn expected(item: &Function, scope: &Ident, statements: &TokenStream) -> TokenStream {
    let body = match item.signature.asyncness {
        None => quote!(::summon::__private::catch(|| { #statements })),
        // An async block can't name its type, so a `return` that never runs does.
        Some(_) => quote! {
            ::summon::__private::catch_async(async {
                if false {
                    return;
                }
                #statements
            }).await
        },
    };
    quote!(::summon::__private::end_expected(#scope, #body))
}

/// The use of a fixture, of a database on it, or of a link to it.
fn used(member: &str, summoned: &Summoned, called: &TokenStream) -> TokenStream {
    let Summoned { key, main, .. } = summoned;
    let (at_key, at_main) = (ends(key).0, ends(main).0);
    let member = Ident::new(member, at_key);
    let named = summoned.calls("named").last();
    let named = named.map(|arg| {
        let values = &arg.values;
        quote!(::core::option::Option::Some(#(#values),*))
    });
    let called = named.unwrap_or_else(|| called.clone());
    let fixture = quote_spanned!(at_main=> &#main);
    quote_spanned!(at_key=> ::summon::__private::#member::new(#fixture, #called))
}

/// The executor of an attribute, with the calls of its builder.
pub(crate) fn executor(summoned: &Summoned) -> TokenStream {
    let Summoned {
        kind, key, main, ..
    } = summoned;
    let main = match &summoned.program {
        Some(program) => command(program, main),
        None => main.to_token_stream(),
    };
    // At the key, so that errors and `Location::caller` name the attribute's line.
    let span = ends(key).0;
    let part = |name: &str| summoned.part(name).map(ToTokens::to_token_stream);
    let host = || part("host").unwrap_or_else(|| quote!("localhost"));
    let port = || part("port").unwrap_or_else(|| quote!(0u16));
    let (probe, arguments) = match kind {
        Kind::Simple => ("started", TokenStream::new()),
        Kind::Tcp | Kind::Udp => {
            let (host, port) = (host(), port());
            (kind.name(), quote!(#host, #port))
        }
        Kind::Http => {
            let url = part("url").unwrap_or_else(|| {
                let (host, port) = (host(), port());
                let path = part("path").unwrap_or_else(|| quote!("/"));
                quote_spanned!(span=> ::summon::__private::url(#host, #port, #path))
            });
            (kind.name(), url)
        }
        _ => {
            let values = summoned.parts.iter().map(|(_, value)| value);
            (kind.name(), quote!(#(#values),*))
        }
    };
    let made = match kind.is_command() {
        true => {
            let probe = Ident::new(probe, span);
            quote_spanned! {span=>
                ::summon::Coordinated::with(#main, ::summon::probe::#probe(#arguments))
            }
        }
        false => main,
    };
    // `nodes` returns a cluster, which has no options, so it is the last call.
    let is_last = |arg: &&Arg| kind.is_command() && arg.key == "nodes";
    let (last, first): (Vec<_>, Vec<_>) = summoned.calls.iter().partition(is_last);
    let calls = first.into_iter().chain(last).map(|arg| {
        // All executors have a method `port` that returns the port.
        let method = match *kind == Kind::Executor && arg.key == "port" {
            true => "on_port".to_owned(),
            false => arg.method(),
        };
        let key = &arg.key;
        let values = arg.values.iter().map(|value| named(&method, value));
        // The user's own token, if it names the method.
        let method = match key == &method {
            true => key.clone(),
            false => Ident::new(&method, key.span()),
        };
        quote!(.#method(#(#values),*))
    });
    quote!(#made #(#calls)*)
}

/// The value of an option, which may be the text of a named value.
fn named(method: &str, value: &Expr) -> TokenStream {
    let takes = checked_options::takes(method);
    let named =
        literal::text(value).and_then(|text| Some((text, takes.named_value(&text.value())?)));
    match named {
        Some((text, (path, name))) => {
            let ident = |name: &str| Ident::new(name, text.span());
            let (path, name) = (path.iter().map(|part| ident(part)), ident(name));
            quote_spanned!(text.span()=> ::summon::#(#path::)*#name)
        }
        None => value.to_token_stream(),
    }
}

/// The command of a program of the package.
fn command(program: &Program, arguments: &Expr) -> TokenStream {
    let (name, span) = (&program.name, program.name.span());
    match program.target {
        Target::Bin => {
            let variable = LitStr::new(&format!("{VARIABLE}{}", name.value()), span);
            quote_spanned! {span=>
                ::summon::__private::bin(#name, ::core::env!(#variable), #arguments)
            }
        }
        Target::Example => {
            quote_spanned!(span=> ::summon::__private::example(#name, #arguments))
        }
    }
}

/// A reference to a variable of ours, at the user's tokens that a type mismatch is about.
fn reference(name: &Ident, place: &impl ToTokens) -> TokenStream {
    let (first, last) = ends(place);
    let name = Ident::new(&name.to_string(), last);
    quote_spanned!(first=> &#name)
}
