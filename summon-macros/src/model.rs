//! What the attributes and the function mean together, and what is wrong with them.

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, Expr, Ident, Meta, Type};

use crate::args::{self, Arg};
use crate::item::{Function, Parameter};

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
    /// The values of the keys that are part of the kind.
    parts: Vec<(&'static str, Expr)>,
    /// Everything else, in the user's order.
    pub(crate) calls: Vec<Arg>,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Simple,
    Output,
    Tcp,
    Udp,
    Unix,
    Http,
    File,
    Notify,
    Exec,
    Executor,
    Fixture,
}

const KINDS: &[(&str, Kind)] = &[
    ("simple", Kind::Simple),
    ("output", Kind::Output),
    ("tcp", Kind::Tcp),
    ("udp", Kind::Udp),
    ("unix", Kind::Unix),
    ("http", Kind::Http),
    ("file", Kind::File),
    ("notify", Kind::Notify),
    ("exec", Kind::Exec),
    ("executor", Kind::Executor),
    ("fixture", Kind::Fixture),
];

impl Kind {
    fn of(key: &Ident) -> Option<Kind> {
        let found = KINDS.iter().find(|(name, _)| key == name);
        found.map(|(_, kind)| *kind)
    }

    fn name(self) -> &'static str {
        let found = KINDS.iter().find(|(_, kind)| *kind == self);
        found.map_or("", |(name, _)| name)
    }

    /// The key that the kind can't do without, and what it is.
    fn required(self) -> Option<(&'static str, &'static str)> {
        match self {
            Kind::Output => Some((
                "banner",
                "a regular expression for the line that means ready",
            )),
            Kind::Unix => Some(("socket", "the path of the socket, such as \"{dir}/socket\"")),
            Kind::File => Some((
                "path",
                "the file that means ready, such as \"{dir}/server.pid\"",
            )),
            Kind::Exec => Some((
                "probe",
                "the command that exits with code 0 when it is ready",
            )),
            _ => None,
        }
    }

    /// The keys that are part of the kind and no calls of the builder.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Kind::Simple | Kind::Notify | Kind::Executor | Kind::Fixture => &[],
            Kind::Output => &["banner"],
            Kind::Tcp | Kind::Udp => &["host", "port"],
            Kind::Unix => &["socket"],
            Kind::Http => &["host", "port", "path", "url"],
            Kind::File => &["path"],
            Kind::Exec => &["probe"],
        }
    }
}

impl Model {
    /// All errors at once, with the item as far as it is understood.
    pub(crate) fn new(
        attribute: TokenStream,
        item: Function,
    ) -> Result<Model, Box<(syn::Error, Function)>> {
        let mut item = item;
        let mut errors = Errors::default();
        let stacked = item.take_stacked();
        let mut summoned = Vec::new();
        summoned.extend(errors.keep(Summoned::parse(attribute)));
        for attribute in &stacked {
            summoned.extend(errors.keep(arguments(attribute).and_then(Summoned::parse)));
        }
        let parameters = item.take_parameters(|ty| is_process(ty) || made_by(ty, &summoned));
        let attributes = 1 + stacked.len();
        if !parameters.is_empty() && parameters.len() != attributes {
            errors.add(wrong_count(&parameters, attributes));
        }
        match errors.0 {
            None => Ok(Model {
                item,
                summoned,
                parameters,
            }),
            Some(errors) => {
                // So that the body, which names them, makes no errors of its own.
                for parameter in parameters {
                    item.bind_nothing(&parameter);
                }
                Err(Box::new((errors, item)))
            }
        }
    }
}

fn arguments(attribute: &Attribute) -> syn::Result<TokenStream> {
    match &attribute.meta {
        Meta::List(list) => Ok(list.tokens.clone()),
        _ => Ok(TokenStream::new()),
    }
}

fn wrong_count(parameters: &[Parameter], attributes: usize) -> syn::Error {
    let count = parameters.len();
    let plural = |count, word: &str| match count {
        1 => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    };
    let message = format!(
        "{} for {}: have none, or one for each in their order; `_: &Process` skips one",
        plural(count, "parameter"),
        plural(attributes, "`#[summon]` attribute"),
    );
    let last = &parameters[count - 1];
    syn::Error::new_spanned(&last.pattern, message)
}

impl Summoned {
    fn parse(tokens: TokenStream) -> syn::Result<Summoned> {
        Summoned::from_args(args::parse(tokens)?)
    }

    pub(crate) fn from_args(mut args: Vec<Arg>) -> syn::Result<Summoned> {
        let mut errors = Errors::default();
        let mut kinds = args::take(&mut args, |key| Kind::of(key).is_some());
        if kinds.is_empty() {
            return Err(no_kind(&args));
        }
        let first = kinds.remove(0);
        for second in kinds {
            let message = format!(
                "one attribute, one kind: this has `{}` already; stack a second `#[summon(..)]`",
                first.key
            );
            errors.add(syn::Error::new(second.key.span(), message));
        }
        let kind = Kind::of(&first.key).unwrap_or(Kind::Simple);
        let key = first.key.clone();
        let main = errors.keep(one_value(first));
        let mut parts = Vec::new();
        for name in kind.keys() {
            let mut values = args::take(&mut args, |key| key == name).into_iter();
            let value = values.next().and_then(|arg| errors.keep(one_value(arg)));
            parts.extend(value.map(|value| (*name, value)));
            for again in values {
                let message = format!("`{name}` is given twice");
                errors.add(syn::Error::new(again.key.span(), message));
            }
        }
        let has = |wanted: &str| parts.iter().find(|(name, _)| *name == wanted);
        if let Some((name, what)) = kind.required().filter(|(name, _)| has(name).is_none()) {
            let message = format!("`{key}` needs a `{name} = \"..\"`, {what}");
            errors.add(syn::Error::new(key.span(), message));
        }
        if let (Some((_, url)), true) = (has("url"), parts.len() > 1) {
            let message = "`url` says it all: leave out `path`, `host` and `port`";
            errors.add(syn::Error::new_spanned(url, message));
        }
        for arg in &args {
            errors.add_some(misplaced(arg, kind));
            if kind == Kind::Fixture {
                let message = "a fixture has its options where it is declared";
                errors.add(syn::Error::new(arg.key.span(), message));
            }
        }
        match (errors.0, main) {
            (Some(errors), _) => Err(errors),
            (None, None) => Err(syn::Error::new(key.span(), "no command")),
            (None, Some(main)) => Ok(Summoned {
                kind,
                key,
                main,
                parts,
                calls: args,
            }),
        }
    }

    /// The value of a key that is part of the kind.
    pub(crate) fn part(&self, wanted: &str) -> Option<&Expr> {
        let found = self.parts.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| value)
    }
}

pub(crate) fn one_value(arg: Arg) -> syn::Result<Expr> {
    let key = arg.key;
    let mut values = arg.values.into_iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        _ => Err(syn::Error::new(
            key.span(),
            format!("`{key}` takes one value"),
        )),
    }
}

/// A key of another kind, which the builder does not know either.
fn misplaced(arg: &Arg, kind: Kind) -> Option<syn::Error> {
    let of_kinds: Vec<_> = KINDS
        .iter()
        .filter(|(_, kind)| kind.keys().iter().any(|key| arg.key == key))
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    if of_kinds.is_empty() {
        return None;
    }
    let (key, name) = (&arg.key, kind.name());
    let message = format!(
        "`{key}` goes with {}, not with `{name}`",
        of_kinds.join(" and ")
    );
    Some(syn::Error::new(key.span(), message))
}

fn no_kind(args: &[Arg]) -> syn::Error {
    let names: Vec<String> = KINDS.iter().map(|(name, _)| format!("`{name}`")).collect();
    let all = names.join(", ");
    let Some(first) = args.first() else {
        let message = format!(
            "say what to summon: {all}, as in `#[summon(tcp = \"redis-server --port {{port}}\")]`"
        );
        return syn::Error::new(Span::call_site(), message);
    };
    let nearest = KINDS
        .iter()
        .map(|(name, _)| (*name, distance(name, &first.key.to_string())))
        .min_by_key(|(_, distance)| *distance)
        .filter(|(_, distance)| *distance <= 2);
    let message = match nearest {
        Some((name, _)) => format!("no such kind as `{}`; there is `{name}`", first.key),
        None => format!("no kind is given: {all}"),
    };
    syn::Error::new(first.key.span(), message)
}

/// How many letters are to be added, dropped or changed (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.bytes().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

fn referenced(ty: &Type) -> Option<&syn::Path> {
    match ty {
        Type::Reference(reference) if reference.mutability.is_none() => match &*reference.elem {
            Type::Path(path) => Some(&path.path),
            _ => None,
        },
        _ => None,
    }
}

fn is_process(ty: &Type) -> bool {
    referenced(ty)
        .and_then(|path| path.segments.last())
        .is_some_and(|last| last.ident == "Process")
}

/// Whether an attribute says `executor = T::new(..)` for a parameter of type `&T`.
fn made_by(ty: &Type, summoned: &[Summoned]) -> bool {
    let Some(wanted) = referenced(ty).and_then(|path| path.segments.last()) else {
        return false;
    };
    summoned
        .iter()
        .filter(|one| one.kind == Kind::Executor)
        .filter_map(|one| constructed(&one.main))
        .any(|made| made == wanted.ident)
}

/// The type that an expression plainly constructs: `T` of `T::new(..)`, of a chain of calls on
/// that, of `T { .. }` and `T(..)`.
fn constructed(expr: &Expr) -> Option<Ident> {
    match expr {
        Expr::MethodCall(call) => constructed(&call.receiver),
        Expr::Struct(literal) => Some(literal.path.segments.last()?.ident.clone()),
        Expr::Path(path) => Some(path.path.segments.last()?.ident.clone()),
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => {
                let mut names = path.path.segments.iter().rev().map(|it| &it.ident);
                let (last, before) = (names.next()?, names.next());
                let is_type = |name: &Ident| name.to_string().starts_with(char::is_uppercase);
                Some(before.filter(|it| is_type(it)).unwrap_or(last).clone())
            }
            _ => None,
        },
        _ => None,
    }
}

/// Errors as they come, to be told all at once.
#[derive(Default)]
pub(crate) struct Errors(pub(crate) Option<syn::Error>);

impl Errors {
    pub(crate) fn add(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    fn add_some(&mut self, error: Option<syn::Error>) {
        error.into_iter().for_each(|error| self.add(error));
    }

    pub(crate) fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }
}
