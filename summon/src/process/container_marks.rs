//! The marks of a container: its name, and the labels that tell a later run whose it is.

use std::ffi::OsStr;
use std::path::Path;

use crate::session::Home;
use crate::sys::{proc, random};

/// Returns a name for a new container. Two machines, or two containers with tests, may share an engine, and
/// have directories with the same names.
pub(super) fn new_name(home: &Home) -> String {
    let part = |name: Option<&OsStr>| {
        let name = name.unwrap_or_default().to_string_lossy().into_owned();
        name.replace(
            |it: char| !it.is_ascii_alphanumeric() && !"_.-".contains(it),
            "_",
        )
    };
    format!(
        "summon-{}-{}-{:08x}",
        part(home.session_dir().file_name()),
        part(home.dir().file_name()),
        random() as u32
    )
}

/// Returns the labels. They tell a later run whether the container still has an owner.
pub(super) fn labels(of: &str, session: &Path) -> [(&'static str, String); 7] {
    let own = std::process::id();
    let identity = proc::identity(own).unwrap_or_default();
    [
        ("summon", of.to_owned()),
        ("summon.machine", proc::machine()),
        ("summon.boot", proc::boot()),
        ("summon.namespace", proc::namespace()),
        ("summon.owner", own.to_string()),
        ("summon.identity", identity.to_string()),
        // An engine takes only UTF-8. Without this label, no later run judges the container.
        (
            "summon.session",
            session.to_str().unwrap_or_default().to_owned(),
        ),
    ]
}
