//! Checks what works with an `image`.

use crate::checked_options::{ONLY_OF_IMAGES, UNSUPPORTED_BY_IMAGES};
use crate::errors::Errors;
use crate::kind::Kind;
use crate::literal;
use crate::summoned::Summoned;

/// Refuses the path of a probe that the container certainly does not share with this machine.
fn path_outside(summoned: &Summoned, errors: &mut Errors) {
    let part = match summoned.kind {
        Kind::Unix => "socket",
        Kind::File => "path",
        _ => return,
    };
    // A mount may share the path.
    if summoned.calls("mount").next().is_some() {
        return;
    }
    let Some(text) = summoned.part(part).and_then(literal::text) else {
        return;
    };
    let path = text.value();
    if path != "{dir}" && !path.starts_with("{dir}/") {
        let why = "the container does not share this path with this machine; write a path below \
                   `{dir}`, or `mount` a directory of this machine that has it";
        errors.under(text, why);
    }
}

/// Returns whether the attribute runs an image, and refuses what does not work with it.
pub(super) fn check(summoned: &Summoned, errors: &mut Errors) -> bool {
    if summoned.calls("image").next().is_none() {
        for arg in &summoned.calls {
            if ONLY_OF_IMAGES.iter().any(|name| arg.method() == *name) {
                let key = &arg.key;
                let why = format!(
                    "`{key}` needs an `image`, and this attribute runs a program of this machine; add \
                     `image`, or remove `{key}`"
                );
                errors.at(key.span(), why);
            }
        }
        return false;
    }
    if let Some(program) = &summoned.program {
        let why = "an image has its own program; remove `bin` or `example`, or remove `image`";
        errors.under(&program.name, why);
    }
    path_outside(summoned, errors);
    for arg in &summoned.calls {
        let method = arg.method();
        if let Some((name, hint)) = UNSUPPORTED_BY_IMAGES
            .iter()
            .find(|(name, _)| method == *name)
        {
            let why = format!("`{name}` does not work with an image; {hint}");
            errors.at(arg.key.span(), why);
        }
    }
    true
}
