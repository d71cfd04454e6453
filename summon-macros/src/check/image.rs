//! Checks what works with an `image`.

use crate::errors::Errors;
use crate::summoned::Summoned;

/// Options that do not work with an image, each with what to do instead.
const UNSUPPORTED: [(&str, &str); 12] = [
    (
        "shell",
        "write the shell as the `entrypoint`, and its arguments as the text of the kind",
    ),
    (
        "env_remove",
        "a container has only the variables of its image, and those of `env`",
    ),
    ("umask", "do it in the image"),
    ("nice", "write `engine_args = [\"--cpu-shares\", \"..\"]`"),
    ("daemon", "keep the program in the foreground"),
    ("listen_fd", "let the program listen by itself"),
    (
        "reuse",
        "reuse the port of a container with a plain program",
    ),
    ("before_once", "do it in the image"),
    ("after_stop", "run the command in the test"),
    ("stop_command", "set `stop_signal`"),
    (
        "signal_only_leader",
        "a container's signals go to its main process",
    ),
    ("nodes", "declare the nodes one by one"),
];

/// Returns whether the attribute runs an image, and refuses what does not work with it.
pub(super) fn check(summoned: &Summoned, errors: &mut Errors) -> bool {
    if summoned.calls("image").next().is_none() {
        return false;
    }
    if let Some(program) = &summoned.program {
        let why = "an image has its own program; remove `bin` or `example`, or remove `image`";
        errors.under(&program.name, why);
    }
    for arg in &summoned.calls {
        let method = arg.method();
        if let Some((name, hint)) = UNSUPPORTED.iter().find(|(name, _)| method == *name) {
            let why = format!("`{name}` does not work with an image; {hint}");
            errors.at(arg.key.span(), why);
        }
    }
    true
}
