//! Places and names in an expansion.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Ident;

/// Returns a name that can't meet the user's names.
pub(crate) fn own(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// Returns the spans of the user's first and last token, for names of our own at that place.
pub(crate) fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let tokens: Vec<TokenTree> = tokens.to_token_stream().into_iter().collect();
    let span = |token: Option<&TokenTree>| match token {
        Some(token) => token.span().resolved_at(Span::mixed_site()),
        None => Span::mixed_site(),
    };
    (span(tokens.first()), span(tokens.last()))
}

/// Splits a body after its inner attributes, `#![..]`, which must stay first.
pub(crate) fn split_inner(body: TokenStream) -> (TokenStream, TokenStream) {
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
