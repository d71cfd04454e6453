//! Finds the parameters that get a process, and parameters with a similar type.

use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Expr, GenericArgument, Ident, PatType, Path, PathArguments, Type, TypePath};

use crate::errors::Errors;
use crate::item::Function;
use crate::kind::Kind;
use crate::summoned::Summoned;

/// Types that users may write in place of `&Process`.
const LIKE_PROCESS: [&str; 6] = [
    "Process",
    "Coordinated",
    "SimpleExecutor",
    "OutputCoordinatedExecutor",
    "TcpCoordinatedExecutor",
    "HttpCoordinatedExecutor",
];

/// Takes out the parameters that get a process: none, or one for each attribute. Otherwise adds errors,
/// and takes out all parameters with a similar type.
pub(crate) fn take(
    item: &mut Function,
    summoned: &[Option<Summoned>],
    errors: &mut Errors,
) -> Vec<PatType> {
    let types: Vec<Ident> = summoned.iter().flatten().filter_map(made).collect();
    let is_ours =
        |ty: &Type| referenced(ty).is_some_and(|name| name == "Process" || types.contains(name));
    let wanted = summoned.len();
    if item.free_types().filter(|ty| is_ours(ty)).count() == wanted {
        let taken = item.take_parameters(is_ours);
        check_clusters(summoned, &taken, errors);
        return taken;
    }
    if are_of_fixtures(item, summoned) {
        let mut left = wanted;
        return item.take_parameters(|ty| {
            let is_taken = left > 0 && referenced(ty).is_some_and(is_type);
            left -= usize::from(is_taken);
            is_taken
        });
    }
    let taken = item.take_parameters(|ty| is_ours(ty) || meant(ty, &types).is_some());
    for PatType { pat, ty, .. } in taken.iter().filter(|it| !is_ours(&it.ty)) {
        let is_slice =
            matches!(ty.as_ref(), Type::Reference(it) if matches!(*it.elem, Type::Slice(_)));
        let name = match types.iter().find(|it| is_slice && *it == "Cluster") {
            Some(cluster) => cluster.to_string(),
            None => meant(ty, &types).unwrap_or_default(),
        };
        let pattern = pat.to_token_stream();
        if name == "Cluster" && !types.iter().any(|it| it == "Cluster") {
            let message = format!(
                "no attribute of this function starts a cluster; add `nodes = 3` to it, or write \
                 `{pattern}: &Process`"
            );
            errors.under(ty, message);
            continue;
        }
        errors.under(
            ty,
            format!("summon passes a `&{name}`, not this type; write `{pattern}: &{name}`"),
        );
    }
    // An attribute with errors may have had a type of its own.
    let is_known = summoned.iter().all(Option::is_some);
    if is_known && !taken.is_empty() && taken.len() != wanted {
        errors.add(wrong_count(&taken, wanted));
    }
    taken
}

/// Refuses `&Process` for a cluster, and `&Cluster` for a process.
fn check_clusters(summoned: &[Option<Summoned>], taken: &[PatType], errors: &mut Errors) {
    for (summoned, PatType { pat, ty, .. }) in summoned.iter().zip(taken) {
        let Some(summoned) = summoned.as_ref().filter(|it| it.kind.is_command()) else {
            continue;
        };
        let pattern = pat.to_token_stream();
        let is_cluster = referenced(ty).is_some_and(|name| name == "Cluster");
        match (summoned.nodes(), is_cluster) {
            (Some(_), false) => {
                let message = format!(
                    "`nodes` makes a cluster; write `{pattern}: &Cluster`, and `{pattern}[0]` is the \
                     process of its first node"
                );
                errors.under(ty, message);
            }
            (None, true) => {
                let message = format!(
                    "this parameter belongs to an attribute without `nodes`; add `nodes = 3` there, or \
                     write `{pattern}: &Process`"
                );
                errors.under(ty, message);
            }
            _ => {}
        }
    }
}

/// Whether the first parameters of the form `&Type` get a process. The attribute of a fixture does not
/// show the type of its executor, so its parameter may have any type. A parameter of another attribute
/// must have the type of that one.
fn are_of_fixtures(item: &Function, summoned: &[Option<Summoned>]) -> bool {
    let is_fixture = |it: &Summoned| it.kind == Kind::Fixture;
    if !summoned.iter().flatten().any(is_fixture) {
        return false;
    }
    // `&Fixture` is a mistake for `&Process`.
    let is_given = |ty: &&Ident| is_type(ty) && *ty != "Fixture";
    let mut types = item.free_types().filter_map(referenced).filter(is_given);
    summoned.iter().all(|summoned| {
        types.next().is_some_and(|ty| match summoned {
            Some(summoned) => {
                is_fixture(summoned) || ty == "Process" || made(summoned).as_ref() == Some(ty)
            }
            None => true,
        })
    })
}

/// Whether a name is that of a type that users define, and not `str`, a number, or a function.
fn is_type(name: &Ident) -> bool {
    name.unraw().to_string().starts_with(char::is_uppercase)
}

fn wrong_count(parameters: &[PatType], attributes: usize) -> syn::Error {
    let count = parameters.len();
    let plural = |count, word: &str| match count {
        1 => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    };
    let message = format!(
        "{} for {}; write one for each attribute in the same order, or none; `_: &Process` skips an \
         attribute",
        plural(count, "parameter"),
        plural(attributes, "`#[summon]` attribute"),
    );
    // Point to the first parameter without attribute, or else to the last parameter.
    let place = &parameters[attributes.min(count - 1)];
    syn::Error::new_spanned(&place.pat, message)
}

/// The name of `T` in `&T`.
fn referenced(ty: &Type) -> Option<&Ident> {
    match ty {
        Type::Reference(reference) if reference.mutability.is_none() => match &*reference.elem {
            Type::Path(path) => Some(&path.path.segments.last()?.ident),
            _ => None,
        },
        _ => None,
    }
}

/// The name of the type that the user probably meant. `Process` is meant by `Process`, `&mut Process`,
/// and `Option<&Process>`.
fn meant(ty: &Type, made: &[Ident]) -> Option<String> {
    let meant = |path: &Path| {
        let last = &path.segments.last()?.ident;
        if made.contains(last) || is_ours(path, "Cluster") {
            return Some(last.to_string());
        }
        let is_like = is_like_process(path) || last == "Fixture";
        is_like.then(|| "Process".to_owned())
    };
    paths(ty).into_iter().find_map(meant)
}

pub(crate) fn is_like_process(path: &Path) -> bool {
    LIKE_PROCESS.iter().any(|name| is_ours(path, name))
}

pub(crate) fn is_process(path: &Path) -> bool {
    is_ours(path, "Process")
}

/// Whether a path names this type of summon.
fn is_ours(path: &Path, name: &str) -> bool {
    // `sysinfo::Process` is another type.
    let is_foreign = path.segments.len() > 1 && path.segments[0].ident != "summon";
    !is_foreign && path.segments.last().is_some_and(|it| it.ident == name)
}

/// Lists the paths in a type, the outermost first.
fn paths(ty: &Type) -> Vec<&Path> {
    match ty {
        Type::Reference(inner) => paths(&inner.elem),
        Type::Paren(inner) => paths(&inner.elem),
        Type::Group(inner) => paths(&inner.elem),
        Type::Slice(inner) => paths(&inner.elem),
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

/// The type of the executor of an attribute, if the expression shows it.
fn made(summoned: &Summoned) -> Option<Ident> {
    if let Some(nodes) = summoned.nodes() {
        return Some(Ident::new("Cluster", nodes.key.span()));
    }
    match summoned.kind {
        // A function may return a cluster.
        Kind::Executor => constructed(&summoned.main).map(|name| match is_type(&name) {
            true => name,
            false => Ident::new("Cluster", name.span()),
        }),
        Kind::Database => Some(Ident::new("Database", summoned.key.span())),
        Kind::Link => Some(Ident::new("Link", summoned.key.span())),
        _ => None,
    }
}

/// The type that an expression constructs: `T` in `T::new(..).method()`, `T { .. }`, and `T(..)`.
fn constructed(expr: &Expr) -> Option<Ident> {
    match expr {
        Expr::MethodCall(call) => constructed(&call.receiver),
        Expr::Struct(literal) => Some(literal.path.segments.last()?.ident.clone()),
        Expr::Path(path) => Some(path.path.segments.last()?.ident.clone()),
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => {
                let mut names = path.path.segments.iter().rev().map(|it| &it.ident);
                let (last, before) = (names.next()?, names.next());
                Some(before.filter(|it| is_type(it)).unwrap_or(last).clone())
            }
            _ => None,
        },
        _ => None,
    }
}
