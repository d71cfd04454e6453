//! Where the programs of the user's own package are.

use std::env;
use std::path::PathBuf;

/// A binary that cargo has built at that path. A runner that has moved it since, such as nextest
/// with an archive, says where it is now
/// (<https://nexte.st/docs/configuration/env-vars/#environment-variables-nextest-sets>).
pub(crate) fn bin(name: &str, built: &str) -> PathBuf {
    let moved = env::var_os(format!("NEXTEST_BIN_EXE_{name}"));
    moved.map_or_else(|| PathBuf::from(built), PathBuf::from)
}

/// An example, which cargo tells nobody about: it is in `examples`, beside the `deps` that has the
/// test binary.
pub(crate) fn example(name: &str) -> PathBuf {
    let this = env::current_exe().unwrap_or_default();
    let dir = this.parent().unwrap_or(&this);
    let dir = match dir.file_name() {
        Some(last) if last == "deps" || last == "examples" => dir.parent().unwrap_or(dir),
        _ => dir,
    };
    dir.join("examples")
        .join(format!("{name}{}", env::consts::EXE_SUFFIX))
}
