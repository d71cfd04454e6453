//! What the attribute becomes: statements before the function's own, in the same block.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Ident, ReturnType, Type};

use crate::args::Arg;
use crate::cases;
use crate::errors::Errors;
use crate::item::{Function, Parameter, own};
use crate::kind::Kind;
use crate::model::{Model, Summoned};

pub(crate) fn expand(model: Model) -> TokenStream {
    // At the key, so that an error about one speaks of its attribute.
    let name = |(index, summoned): (usize, &Summoned)| {
        let (place, _) = ends(&summoned.key);
        Ident::new(&format!("executor_{index}"), place)
    };
    let names: Vec<Ident> = model.summoned.iter().enumerate().map(name).collect();
    // What the parameters call them.
    let called = |index: usize| match model.parameters.get(index).and_then(Parameter::name) {
        Some(called) => quote!(::core::option::Option::Some(#called)),
        None => quote!(::core::option::Option::None),
    };
    let executors =
        model
            .summoned
            .iter()
            .zip(&names)
            .enumerate()
            .map(|(index, (summoned, name))| {
                let executor = match summoned.kind {
                    Kind::Fixture => used(summoned, &called(index)),
                    _ => executor(summoned),
                };
                quote!(let #name = #executor;)
            });
    let members = model.summoned.iter().zip(&names).enumerate();
    let members = members.map(|(index, (summoned, name))| {
        let (called, member) = (called(index), reference(name, &summoned.main));
        quote!((#called, #member))
    });
    let (scope, error) = (own("_scope"), own("error"));
    let (name, failed) = (&model.item.signature.ident, failed(&model.item, &error));
    let started = match cases::all_should_panic(&model.item.attributes) {
        true => quote!(::summon::__private::expect_panic(scope)),
        false => quote!(scope),
    };
    let parameters = model
        .parameters
        .iter()
        .zip(&names)
        .map(|(parameter, name)| {
            let Parameter {
                attributes,
                pattern,
                ty,
            } = parameter;
            let value = reference(name, ty);
            quote!(#(#attributes)* let #pattern: #ty = #value;)
        });
    let prologue = quote! {
        #(#executors)*
        // Before the function's own locals, hence dropped after them.
        let #scope = match ::summon::__private::scope(
            ::core::concat!(::core::module_path!(), "::", ::core::stringify!(#name)),
            [#(#members),*],
        ) {
            ::core::result::Result::Ok(scope) => #started,
            ::core::result::Result::Err(#error) => #failed,
        };
        #(#parameters)*
    };
    model
        .item
        .with(&prologue, |item, statements| match item.result() {
            Some(ty) => judged(item, ty, &scope, &statements),
            None => statements,
        })
}

/// The statements of a function that may return an error, after which its processes are told
/// about. They become a closure's, out of which `?` and `return` lead no further.
fn judged(item: &Function, ty: &Type, scope: &Ident, statements: &TokenStream) -> TokenStream {
    let result = own("result");
    let body = match item.signature.asyncness {
        None => quote!(::summon::__private::call(|| -> #ty { #statements })),
        // An async block can't say its type: what is never returned tells it.
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
            if ::summon::__private::Returned(&#result).is_failure() {
                ::summon::__private::has_failed(&#scope);
            }
        }
        #result
    }
}

/// The errors, and the item without what it asked for.
pub(crate) fn expand_error(errors: Errors, item: Function) -> TokenStream {
    let mut output = errors.into_tokens();
    output.extend(item.with(&TokenStream::new(), |_, statements| statements));
    output
}

fn used(summoned: &Summoned, called: &TokenStream) -> TokenStream {
    let Summoned { key, main, .. } = summoned;
    let ((at_key, _), (at_main, _)) = (ends(key), ends(main));
    let fixture = quote_spanned!(at_main=> &#main);
    quote_spanned!(at_key=> ::summon::__private::Used::new(#fixture, #called))
}

pub(crate) fn executor(summoned: &Summoned) -> TokenStream {
    let Summoned { key, main, .. } = summoned;
    let command = summoned.program.as_ref().map(|it| it.command(main));
    let main = command.as_ref().unwrap_or(main);
    // At the key, so that errors and `Location::caller` speak of the attribute's line.
    let (span, _) = ends(key);
    let part = |name: &str| summoned.part(name).map(ToTokens::to_token_stream);
    let host = || part("host").unwrap_or_else(|| quote!("localhost"));
    let port = || part("port").unwrap_or_else(|| quote!(0u16));
    let with =
        |probe: TokenStream| quote_spanned!(span=> ::summon::Coordinated::with(#main, #probe));
    let made = match summoned.kind {
        Kind::Executor | Kind::Fixture => main.to_token_stream(),
        Kind::Simple => quote_spanned!(span=> ::summon::SimpleExecutor::new(#main)),
        Kind::Output => {
            let banner = part("banner");
            quote_spanned!(span=> ::summon::OutputCoordinatedExecutor::new(#main, #banner))
        }
        Kind::Tcp => {
            let (host, port) = (host(), port());
            quote_spanned!(span=> ::summon::TcpCoordinatedExecutor::new(#main, #host, #port))
        }
        Kind::Udp => {
            let (host, port) = (host(), port());
            with(quote_spanned!(span=> ::summon::probe::udp(#host, #port)))
        }
        Kind::Unix => {
            let socket = part("socket");
            with(quote_spanned!(span=> ::summon::probe::unix(#socket)))
        }
        Kind::File => {
            let path = part("path");
            with(quote_spanned!(span=> ::summon::probe::file(#path)))
        }
        Kind::Notify => with(quote_spanned!(span=> ::summon::probe::notify())),
        Kind::Exec => {
            let probe = part("probe");
            with(quote_spanned!(span=> ::summon::probe::exec(#probe)))
        }
        Kind::Http => {
            let url = part("url").unwrap_or_else(|| {
                let (host, port) = (host(), port());
                let path = part("path").unwrap_or_else(|| quote!("/"));
                quote_spanned!(span=> ::summon::__private::url(#host, #port, #path))
            });
            quote_spanned!(span=> ::summon::HttpCoordinatedExecutor::new(#main, #url))
        }
    };
    let calls = summoned.calls.iter().map(|Arg { key, values, .. }| {
        let method = match key {
            key if key == "name" => Ident::new("named", key.span()),
            // `port` is what all executors have for reading.
            key if key == "port" && summoned.kind == Kind::Executor => {
                Ident::new("on_port", key.span())
            }
            key => key.clone(),
        };
        quote!(.#method(#(#values),*))
    });
    quote!(#made #(#calls)*)
}

/// What happens when a start fails. A test that should panic must not, or it would pass.
fn failed(item: &Function, error: &Ident) -> TokenStream {
    if cases::all_should_panic(&item.attributes)
        && matches!(item.signature.output, ReturnType::Default)
    {
        quote!({
            ::summon::__private::report(&#error);
            return;
        })
    } else {
        quote!(::summon::__private::fail(&#error))
    }
}

/// A reference to something of ours, in the place of the user's tokens that a mismatch is about.
fn reference(name: &Ident, place: &impl ToTokens) -> TokenStream {
    let (first, last) = ends(place);
    let name = Ident::new(&name.to_string(), last);
    quote_spanned!(first=> &#name)
}

/// Where the user's tokens begin and end, for names of ours.
pub(crate) fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let spans: Vec<Span> = tokens
        .to_token_stream()
        .into_iter()
        .map(|token| token.span().resolved_at(Span::mixed_site()))
        .collect();
    let none = Span::mixed_site();
    let first = spans.first().copied().unwrap_or(none);
    (first, spans.last().copied().unwrap_or(none))
}

/// Parts a body after its inner attributes, `#![..]`, which must stay first.
fn split_inner(body: TokenStream) -> (TokenStream, TokenStream) {
    let tokens: Vec<TokenTree> = body.into_iter().collect();
    let is = |token: &TokenTree, wanted: char| matches!(token, TokenTree::Punct(it) if it.as_char() == wanted);
    let mut at = 0;
    while let [hash, bang, TokenTree::Group(_), ..] = &tokens[at..] {
        if !is(hash, '#') || !is(bang, '!') {
            break;
        }
        at += 3;
    }
    let rest = tokens[at..].iter().cloned().collect();
    (tokens[..at].iter().cloned().collect(), rest)
}

impl Function {
    /// The function with statements before its own, which may become others.
    fn with(
        self,
        prologue: &TokenStream,
        change: impl FnOnce(&Function, TokenStream) -> TokenStream,
    ) -> TokenStream {
        let (inner, statements) = split_inner(self.body.stream());
        let statements = change(&self, statements);
        let Function {
            attributes,
            visibility,
            signature,
            body,
        } = self;
        // The user's own braces, so that an error about the block has its place.
        let mut block = Group::new(Delimiter::Brace, quote!(#inner #prologue #statements));
        block.set_span(body.span());
        quote!(#(#attributes)* #visibility #signature #block)
    }

    /// Gives a parameter that could not be bound a value that is never seen: an error has been
    /// told, and the body must not add others.
    pub(crate) fn bind_nothing(&mut self, parameter: &Parameter) {
        let Parameter {
            attributes,
            pattern,
            ty,
        } = parameter;
        let (inner, statements) = split_inner(self.body.stream());
        let nothing = quote!(#(#attributes)* let #pattern: #ty = ::core::unreachable!(););
        let mut body = Group::new(Delimiter::Brace, quote!(#inner #nothing #statements));
        body.set_span(self.body.span());
        self.body = body;
        self.attributes
            .push(syn::parse_quote!(#[allow(unreachable_code, unused)]));
    }
}
