//! `setup` and `block_on`: a function of the user that follows the start of an executor.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Expr, Ident};

use crate::args::Args;
use crate::errors::Errors;
use crate::span::{ends, own};

pub(crate) struct Setup {
    pub(crate) function: Option<Expr>,
    /// The function that waits for an async setup.
    block_on: Option<Expr>,
}

impl Setup {
    pub(crate) fn take(args: &mut Args, errors: &mut Errors) -> Setup {
        Setup {
            function: args.option("setup", errors),
            block_on: args.option("block_on", errors),
        }
    }

    /// Refuses a `block_on` without a function to wait for.
    pub(crate) fn refuse_lone_block_on(&self, errors: &mut Errors) {
        if let (None, Some(block_on)) = (&self.function, &self.block_on) {
            let message =
                "`block_on` waits for an async setup, and there is no `setup`; add `setup = ..`";
            errors.under(block_on, message);
        }
    }

    /// The call of a setup or a template function. It is at the user's path, so that a type mismatch
    /// underlines it.
    pub(crate) fn call(&self, function: &Expr, given: &Ident) -> TokenStream {
        let (span, _) = ends(function);
        // The traits of the text are chosen by the error's type, which is known only here.
        let text = quote! {
            |error| {
                use ::summon::__private::{OfBox as _, OfDisplay as _, OfError as _};
                (&&&::summon::__private::Foreign(error)).text()
            }
        };
        match &self.block_on {
            Some(block_on) => quote_spanned! {span=>
                ::summon::__private::set_up_with(#given, #function, #block_on, #text)
            },
            None => quote_spanned!(span=> ::summon::__private::set_up(#given, #function, #text)),
        }
    }

    /// The executor with its setup. The setup gets a reference to `ty`. If that is none, it gets
    /// the executor itself.
    pub(crate) fn wrap(&self, executor: TokenStream, ty: Option<TokenStream>) -> TokenStream {
        let Some(function) = &self.function else {
            return executor;
        };
        let (span, _) = ends(function);
        let given = own("executor");
        let call = self.call(function, &given);
        let call = match ty {
            None => call,
            Some(ty) => quote_spanned!(span=> {
                let #given: &#ty = #given;
                #call
            }),
        };
        quote_spanned!(span=> ::summon::__private::SetUp::new(#executor, |#given| #call))
    }
}
