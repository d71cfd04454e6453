//! Which parameters are processes, and which only look as if they were meant to be.

use quote::ToTokens;
use syn::{Expr, GenericArgument, Ident, Path, PathArguments, Type, TypePath};

use crate::errors::Errors;
use crate::item::{Function, Parameter};
use crate::kind::Kind;
use crate::model::Summoned;

/// What one may take for the type of a process, beside `&Process`.
const LIKE_PROCESS: [&str; 6] = [
    "Process",
    "Coordinated",
    "SimpleExecutor",
    "OutputCoordinatedExecutor",
    "TcpCoordinatedExecutor",
    "HttpCoordinatedExecutor",
];

/// Takes out the parameters that the attributes give values to: none, or one for each. If they are
/// not, it says so, and takes out all that were meant to be.
pub(crate) fn take(
    item: &mut Function,
    summoned: &[Option<Summoned>],
    errors: &mut Errors,
) -> Vec<Parameter> {
    let types: Vec<Ident> = summoned.iter().flatten().filter_map(made).collect();
    let is_ours = |ty: &Type| is_process(ty) || types.iter().any(|made| refers_to(ty, made));
    let (count, wanted) = (item.count_parameters(is_ours), summoned.len());
    if count == wanted {
        return item.take_parameters(is_ours);
    }
    let taken = item.take_parameters(|ty| is_ours(ty) || meant(ty, &types).is_some());
    for Parameter { pattern, ty, .. } in taken.iter().filter(|it| !is_ours(&it.ty)) {
        let name = meant(ty, &types).unwrap_or_default();
        let pattern = pattern.to_token_stream();
        errors.under(
            ty,
            format!("what is summoned comes as `&{name}`: write `{pattern}: &{name}`"),
        );
    }
    // One that can't be read may have given a type of its own.
    let is_known = summoned.iter().all(Option::is_some);
    if is_known && !taken.is_empty() && taken.len() != wanted {
        errors.add(wrong_count(&taken, wanted));
    }
    taken
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
    // The first one too many, or after which some are missing.
    let place = &parameters[attributes.min(count - 1)];
    syn::Error::new_spanned(&place.pattern, message)
}

fn refers_to(ty: &Type, name: &Ident) -> bool {
    referenced(ty)
        .and_then(|path| path.segments.last())
        .is_some_and(|last| last.ident == *name)
}

fn is_process(ty: &Type) -> bool {
    referenced(ty)
        .and_then(|path| path.segments.last())
        .is_some_and(|last| last.ident == "Process")
}

fn referenced(ty: &Type) -> Option<&Path> {
    match ty {
        Type::Reference(reference) if reference.mutability.is_none() => match &*reference.elem {
            Type::Path(path) => Some(&path.path),
            _ => None,
        },
        _ => None,
    }
}

/// What a type was meant to refer to, if it speaks of a process, or of what an attribute makes, in
/// some other way: `Process`, `&mut Process`, `Option<&Process>`.
fn meant(ty: &Type, made: &[Ident]) -> Option<String> {
    let meant = |path: &Path| {
        let last = &path.segments.last()?.ident;
        if made.contains(last) {
            return Some(last.to_string());
        }
        let is_like = is_like_process(path) || last == "Fixture";
        is_like.then(|| "Process".to_owned())
    };
    paths(ty).into_iter().find_map(meant)
}

pub(crate) fn is_like_process(path: &Path) -> bool {
    // `sysinfo::Process` is none.
    let is_foreign = path.segments.len() > 1 && path.segments[0].ident != "summon";
    let is_like = |last: &Ident| LIKE_PROCESS.iter().any(|name| last == name);
    !is_foreign && path.segments.last().is_some_and(|it| is_like(&it.ident))
}

/// The paths in a type, outermost first.
fn paths(ty: &Type) -> Vec<&Path> {
    match ty {
        Type::Reference(inner) => paths(&inner.elem),
        Type::Paren(inner) => paths(&inner.elem),
        Type::Group(inner) => paths(&inner.elem),
        Type::Path(TypePath { path, .. }) => {
            let arguments = path.segments.iter().map(|segment| &segment.arguments);
            let types = arguments.filter_map(|arguments| match arguments {
                PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
                _ => None,
            });
            let types = types.flatten().filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            });
            std::iter::once(path).chain(types.flat_map(paths)).collect()
        }
        _ => Vec::new(),
    }
}

/// The type of the executor that an attribute makes, if that is plain to see.
fn made(summoned: &Summoned) -> Option<Ident> {
    match summoned.kind {
        Kind::Executor => constructed(&summoned.main),
        _ => None,
    }
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
