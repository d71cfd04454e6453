//! What is wrong with options, whatever their kind.

use crate::args::Arg;
use crate::errors::Errors;
use crate::kind::Kind;

/// The options that may be given more than once, since each adds to those before it.
const ADDING: [&str; 11] = [
    "arg",
    "args",
    "env",
    "envs",
    "env_remove",
    "header",
    "after",
    "before",
    "after_stop",
    "and",
    "unless",
];

/// Of an option that is given twice the last would win, and nobody would notice.
pub(crate) fn twice(args: &[Arg], kind: Kind, errors: &mut Errors) {
    if kind == Kind::Executor {
        // What its methods do is its own affair.
        return;
    }
    let option = |arg: &Arg| match arg.key.to_string() {
        key if key == "name" => "named".to_owned(),
        key => key,
    };
    for (index, arg) in args.iter().enumerate() {
        let (key, name) = (&arg.key, option(arg));
        let before = args[..index].iter().find(|before| option(before) == name);
        let Some(before) = before.filter(|_| !ADDING.contains(&name.as_str())) else {
            continue;
        };
        errors.at(
            key.span(),
            match before.key == *key {
                true => format!("`{key}` is given twice; leave one out"),
                false => format!("`{key}` means the same as `{}`; leave one out", before.key),
            },
        );
    }
}
