//! The contents of one attribute: an executor, and the calls of its builder.

use proc_macro2::Span;
use summon_syntax::words;
use syn::{Expr, Ident, LitStr};

use crate::args::{self, Arg, Args};
use crate::errors::Errors;
use crate::export;
use crate::kind::Kind;
use crate::program::Program;
use crate::setup::Setup;

pub(crate) struct Summoned {
    pub(crate) kind: Kind,
    /// The key that names the kind.
    pub(crate) key: Ident,
    /// The value of the kind.
    pub(crate) main: Expr,
    /// The program of the package to run. `main` then holds only its arguments.
    pub(crate) program: Option<Program>,
    /// The values of the keys that belong to the kind.
    pub(crate) parts: Vec<(&'static str, Expr)>,
    pub(crate) setup: Setup,
    /// The environment variable that gets the URL of the fixture.
    pub(crate) export: Option<Expr>,
    /// All other arguments, in the user's order.
    pub(crate) calls: Vec<Arg>,
}

impl Summoned {
    /// Reads an attribute. Returns its contents if it has a kind with a value, even if there are errors.
    pub(crate) fn read(mut args: Args, place: Span, errors: &mut Errors) -> Option<Summoned> {
        // Beside a kind, `link` is an option.
        let is_kind = |key: &Ident| Kind::of(key).is_some_and(|kind| kind != Kind::Link);
        let has_other = args.list.iter().any(|arg| is_kind(&arg.key));
        let is_kind = |key: &Ident| is_kind(key) || (!has_other && Kind::of(key).is_some());
        let mut kinds = args.take(is_kind).into_iter();
        let Some(first) = kinds.next() else {
            no_kind(&args, place, errors);
            return None;
        };
        let key = first.key.clone();
        let kind = Kind::of(&key)?;
        for second in kinds {
            let message = format!(
                "one attribute has one kind, and this one has `{key}`; move `{}` to a second \
                 `#[summon(..)]`",
                second.key
            );
            errors.at(second.key.span(), message);
            // The parts of the second kind cause no further errors.
            let other = Kind::of(&second.key)?;
            args.take(|key| other.has_part(key) && !kind.has_part(key));
        }
        let setup = Setup::take(&mut args, errors);
        if let (true, Some(function)) = (kind.is_of_fixture(), &setup.function) {
            let message = "a fixture has its setup at its declaration; move `setup` to its \
                           `#[summon::fixture(..)]`";
            errors.under(function, message);
        }
        let export = export::take(&mut args, kind, errors);
        let program = Program::take(&mut args, kind, errors);
        // An image, too, has a program, which may need no arguments.
        let has_program = program.is_some()
            || kind.is_command() && args.list.iter().any(|arg| arg.key == "image");
        let main = match first.values.is_empty() && has_program {
            true => {
                let no_arguments = LitStr::new("", key.span());
                Some(syn::parse_quote!(#no_arguments))
            }
            false => errors.keep(main_value(first, kind)),
        };
        // An executor's own methods may add to each other.
        if kind != Kind::Executor {
            args::refuse_repeats(&args.list, errors);
        }
        let mut parts = Vec::new();
        for name in kind.parts() {
            let Some(arg) = args.take(|key| key == name).into_iter().next() else {
                continue;
            };
            match errors.keep(arg.one_value()) {
                Some(value) => parts.push((*name, value)),
                None => args.is_whole = false,
            }
        }
        let summoned = Summoned {
            kind,
            key,
            main: main?,
            program,
            parts,
            setup,
            export,
            calls: args.list,
        };
        summoned.check_keys(args.is_whole, errors);
        Some(summoned)
    }

    /// The value of a key that belongs to the kind.
    pub(crate) fn part(&self, wanted: &str) -> Option<&Expr> {
        let found = self.parts.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| value)
    }

    /// The calls of one method of the builder.
    pub(crate) fn calls<'a>(&'a self, method: &'a str) -> impl Iterator<Item = &'a Arg> {
        self.calls.iter().filter(move |arg| arg.method() == method)
    }

    /// The option that makes several nodes of the process.
    pub(crate) fn nodes(&self) -> Option<&Arg> {
        self.calls("nodes")
            .last()
            .filter(|_| self.kind.is_command())
    }

    fn check_keys(&self, is_whole: bool, errors: &mut Errors) {
        let Summoned { kind, key, .. } = self;
        if let Some((name, what)) = kind.required() {
            if is_whole && self.part(name).is_none() {
                let message = format!("`{key}` needs `{name} = \"..\"`, {what}");
                errors.at(key.span(), message);
            }
        }
        if let (Kind::Link, Expr::Lit(literal)) = (kind, &self.main) {
            let message = "`link` names a fixture, as in `link = PG`; `link = true` goes with another kind, \
                           as in `executor = Redis::new(), link = true`";
            errors.under(literal, message);
        }
        if let Some(url) = self.part("url") {
            let others = self.parts.iter().map(|(name, _)| *name);
            let others: Vec<_> = others.filter(|name| *name != "url").collect();
            if !others.is_empty() {
                let others = words::list_names(others);
                let message =
                    format!("`url` holds the host, the port, and the path; remove {others}");
                errors.under(url, message);
            }
        }
        for arg in &self.calls {
            let is_name = *kind != Kind::Fixture && arg.method() == "named";
            if kind.is_of_fixture() && arg.method() == "linked" {
                let message =
                    "a test has a link of its own to a fixture; write `#[summon(link = NAME)]`";
                errors.at(arg.key.span(), message);
            } else if kind.is_of_fixture() && !is_name {
                let message = format!(
                    "a fixture has its options at its declaration; move `{}` to its \
                     `#[summon::fixture(..)]`",
                    arg.key
                );
                errors.at(arg.key.span(), message);
            } else if kind.is_command() {
                misplaced(&arg.key, *kind, errors);
            }
        }
    }
}

fn main_value(arg: Arg, kind: Kind) -> syn::Result<Expr> {
    let (key, example) = (&arg.key, kind.example());
    let message = match arg.values.len() {
        1 => return arg.one_value(),
        0 => kind.needs_value(),
        _ if kind.is_command() => format!(
            "`{key}` takes one command; write a text, as in `{example}`, or a list of words, `{key} \
             = [..]`"
        ),
        _ => format!("`{key}` takes one value; write, for example, `{example}`"),
    };
    Err(syn::Error::new(key.span(), message))
}

/// Refuses a key that belongs to another kind. The builder has no such method.
fn misplaced(key: &Ident, kind: Kind, errors: &mut Errors) {
    let kinds = Kind::with_part(key);
    if !kinds.is_empty() {
        let (kinds, name) = (words::list_names(kinds), kind.name());
        let message =
            format!("`{key}` goes with {kinds}, not with `{name}`; remove it, or change the kind");
        errors.at(key.span(), message);
    }
}

fn no_kind(args: &Args, place: Span, errors: &mut Errors) {
    for Arg { key, .. } in &args.list {
        if let Some(kind) = words::nearest(&key.to_string(), Kind::names()) {
            let message = format!("there is no kind `{key}`; did you mean `{kind}`?");
            return errors.at(key.span(), message);
        }
    }
    // An argument that could not be read may have been the kind.
    if !args.is_whole {
        return;
    }
    let (kinds, example) = (Kind::list(), Kind::Tcp.example());
    let (place, what) = match args.list.first() {
        None => (place, "this attribute does not say what to summon"),
        Some(first) => (
            first.key.span(),
            "this attribute has no kind, which holds the command and decides when it is ready",
        ),
    };
    errors.at(
        place,
        format!("{what}; write, for example, `{example}`; the kinds are {kinds}"),
    );
}
