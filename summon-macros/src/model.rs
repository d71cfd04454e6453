//! What the attributes and the function mean together.

use proc_macro2::{Span, TokenStream};
use syn::spanned::Spanned;
use syn::{Expr, Ident, LitStr, Meta};

use crate::args::{Arg, Args};
use crate::cases;
use crate::check;
use crate::errors::Errors;
use crate::item::{Function, Parameter};
use crate::kind::Kind;
use crate::nearest::nearest;
use crate::parameters;
use crate::program::Program;

pub(crate) struct Model {
    pub(crate) item: Function,
    pub(crate) summoned: Vec<Summoned>,
    /// None, or one for each.
    pub(crate) parameters: Vec<Parameter>,
}

/// One attribute: an executor, and the calls of its builder.
pub(crate) struct Summoned {
    pub(crate) kind: Kind,
    /// The key that names the kind.
    pub(crate) key: Ident,
    pub(crate) main: Expr,
    /// What runs, if `main` is its arguments alone.
    pub(crate) program: Option<Program>,
    /// The values of the keys that are part of the kind.
    pub(crate) parts: Vec<(&'static str, Expr)>,
    /// Everything else, in the user's order.
    pub(crate) calls: Vec<Arg>,
}

impl Model {
    /// Reads and checks everything. On errors, which are all of them, the item comes back without
    /// what the attributes would have given it.
    pub(crate) fn new(
        attribute: TokenStream,
        mut item: Function,
    ) -> Result<Model, Box<(Errors, Function)>> {
        let mut errors = Errors::default();
        if let Some(constness) = item.signature.constness.take() {
            let message = "a `const fn` can't start programs; leave out `const`";
            errors.at(constness.span, message);
        }
        let mut attributes = vec![(Span::call_site(), attribute)];
        for stacked in item.take_stacked() {
            let place = stacked.path().span();
            attributes.push(match stacked.meta {
                Meta::List(list) => (place, list.tokens),
                _ => (place, TokenStream::new()),
            });
        }
        cases::check(&item.attributes, &mut errors);
        let summoned: Vec<_> = attributes
            .into_iter()
            .map(|(place, tokens)| {
                let args = Args::parse(tokens, &mut errors);
                Summoned::read(args, place, &mut errors)
            })
            .collect();
        let parameters = parameters::take(&mut item, &summoned, &mut errors);
        check::together(&summoned, &parameters, &mut errors);
        if errors.is_empty() {
            return Ok(Model {
                item,
                summoned: summoned.into_iter().flatten().collect(),
                parameters,
            });
        }
        // So that the body, which names them, makes no errors of its own.
        for parameter in &parameters {
            item.bind_nothing(parameter);
        }
        Err(Box::new((errors, item)))
    }
}

impl Summoned {
    /// Says what is wrong, and returns what there is if the kind and its value are there.
    pub(crate) fn read(mut args: Args, place: Span, errors: &mut Errors) -> Option<Summoned> {
        let mut kinds = args.take(|key| Kind::of(key).is_some()).into_iter();
        let Some(first) = kinds.next() else {
            no_kind(&args, place, errors);
            return None;
        };
        let key = first.key.clone();
        let kind = Kind::of(&key)?;
        for second in kinds {
            let message = format!(
                "one attribute, one kind: this has `{key}` already; stack a second `#[summon(..)]`"
            );
            errors.at(second.key.span(), message);
            // Its parts would go with it.
            let parts = Kind::of(&second.key).map_or(&[][..], Kind::keys);
            let theirs = |key: &Ident| parts.iter().any(|it| key == it);
            args.take(|key| theirs(key) && !kind.keys().iter().any(|it| key == it));
        }
        let program = Program::take(&mut args, kind, errors);
        let main = match first.values.is_empty() && program.is_some() {
            // A program of the package, without arguments.
            true => Some(no_arguments(&key)),
            false => errors.keep(main_value(first, kind)),
        };
        check::twice(&args.list, kind, errors);
        let mut parts: Vec<(&'static str, Expr)> = Vec::new();
        for name in kind.keys() {
            // A second one has been told.
            let Some(arg) = args.take(|key| key == name).into_iter().next() else {
                continue;
            };
            match errors.keep(one_value(arg)) {
                Some(value) => parts.push((name, value)),
                None => args.is_whole = false,
            }
        }
        let summoned = Summoned {
            kind,
            key,
            main: main?,
            program,
            parts,
            calls: args.list,
        };
        summoned.check_keys(args.is_whole, errors);
        check::alone(&summoned, errors);
        Some(summoned)
    }

    /// The value of a key that is part of the kind.
    pub(crate) fn part(&self, wanted: &str) -> Option<&Expr> {
        let found = self.parts.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| value)
    }

    /// The calls of one method of the builder.
    pub(crate) fn calls<'a>(&'a self, method: &'a str) -> impl Iterator<Item = &'a Arg> {
        self.calls.iter().filter(move |arg| arg.key == method)
    }

    fn check_keys(&self, is_whole: bool, errors: &mut Errors) {
        let Summoned { kind, key, .. } = self;
        if let Some((name, what)) = kind.required() {
            if is_whole && self.part(name).is_none() {
                errors.at(
                    key.span(),
                    format!("`{key}` needs a `{name} = \"..\"`, {what}"),
                );
            }
        }
        if let (Some(url), true) = (self.part("url"), self.parts.len() > 1) {
            let message = "`url` says it all: leave out `path`, `host` and `port`";
            errors.under(url, message);
        }
        for arg in &self.calls {
            if *kind == Kind::Fixture {
                let message = "a fixture has its options where it is declared: move this to its \
                               `#[summon::fixture(..)]`";
                errors.at(arg.key.span(), message);
            } else if kind.is_command() {
                misplaced(arg, *kind, errors);
            }
        }
    }
}

pub(crate) fn one_value(arg: Arg) -> syn::Result<Expr> {
    let key = arg.key;
    let mut values = arg.values.into_iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        _ => {
            let message = format!("`{key}` takes one value: `{key} = ..`");
            Err(syn::Error::new(key.span(), message))
        }
    }
}

fn no_arguments(key: &Ident) -> Expr {
    let nothing = LitStr::new("", key.span());
    syn::parse_quote!(#nothing)
}

/// The value of the key that names the kind.
fn main_value(arg: Arg, kind: Kind) -> syn::Result<Expr> {
    let key = &arg.key;
    let message = match arg.values.len() {
        1 => return one_value(arg),
        0 => kind.needs_value(),
        _ if kind.is_command() => format!(
            "`{key}` takes one command: a text, as in `{}`, or a list of words, `{key} = [..]`",
            kind.example()
        ),
        _ => format!("`{key}` takes one value, as in `{}`", kind.example()),
    };
    Err(syn::Error::new(key.span(), message))
}

/// A key of another kind, which the builder does not know either.
fn misplaced(arg: &Arg, kind: Kind, errors: &mut Errors) {
    let kinds = Kind::with(&arg.key).into_iter();
    let kinds: Vec<_> = kinds.map(|kind| format!("`{}`", kind.name())).collect();
    if kinds.is_empty() {
        return;
    }
    let (key, name) = (&arg.key, kind.name());
    let message = format!(
        "`{key}` goes with {}, not with `{name}`; leave it out, or change the kind",
        all(&kinds)
    );
    errors.at(key.span(), message);
}

fn no_kind(args: &Args, place: Span, errors: &mut Errors) {
    let meant = |arg: &Arg| nearest(&arg.key.to_string(), Kind::names());
    let mut list = args.list.iter();
    if let Some((arg, kind)) = list.find_map(|arg| Some((arg, meant(arg)?))) {
        let message = format!("no such kind as `{}`; there is `{kind}`", arg.key);
        errors.at(arg.key.span(), message);
        return;
    }
    let kinds: Vec<_> = Kind::names().map(|name| format!("`{name}`")).collect();
    let (kinds, example) = (all(&kinds), Kind::Tcp.example());
    match args.list.first() {
        _ if !args.is_whole => {}
        None => errors.at(
            place,
            format!("say what to summon, as in `{example}`; the kinds are {kinds}"),
        ),
        Some(first) => errors.at(
            first.key.span(),
            format!(
                "the kind is missing, which has the command and says when it is ready, as in \
                 `{example}`; the kinds are {kinds}"
            ),
        ),
    }
}

/// `a`, `b`, and `c`.
pub(crate) fn all(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [first @ .., last] => format!("{}, and {last}", first.join(", ")),
    }
}
