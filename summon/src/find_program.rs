//! Finds programs: binaries and examples of the user's package, and servers outside PATH.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Directories outside PATH where distributions install servers, some with a directory per version.
const HIDDEN: [&str; 5] = [
    "/usr/lib/postgresql",
    "/usr/sbin",
    "/usr/local/sbin",
    "/opt/homebrew/opt",
    "/usr/local/opt",
];

/// Returns the path of a binary that cargo built at `built`. If nextest has moved it, as with an archive,
/// a variable holds the new path
/// (<https://nexte.st/docs/configuration/env-vars/#environment-variables-nextest-sets>).
pub(crate) fn bin(name: &str, built: &str) -> PathBuf {
    let moved = env::var_os(format!("NEXTEST_BIN_EXE_{name}"));
    moved.map_or_else(|| PathBuf::from(built), PathBuf::from)
}

/// Returns the path of an example. cargo sets no variable for it. It is in the directory `examples`,
/// beside the directory `deps` of the test binary.
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

/// Finds the first of these programs. Prefers programs in PATH, and returns those by name, others by path.
pub(crate) fn find(names: &[&str]) -> Option<PathBuf> {
    let on_path = |name: &&str| {
        let path = env::var_os("PATH")?;
        let mut dirs = env::split_paths(&path);
        let found = dirs.any(|dir| dir.join(name).is_file());
        found.then(|| PathBuf::from(name))
    };
    let named = names.iter().find_map(on_path);
    named.or_else(|| names.iter().find_map(|name| hidden(name)))
}

/// Returns the first of these directories that contains the program. If none does, returns the first,
/// so that the error of the start names it.
pub(crate) fn version_of(name: &str, dirs: &[String]) -> PathBuf {
    let found = dirs.iter().find(|dir| Path::new(dir).join(name).is_file());
    found
        .or(dirs.first())
        .map(PathBuf::from)
        .unwrap_or_default()
}

/// Finds a program outside PATH. If there are several versions, returns the newest.
pub(crate) fn hidden(name: &str) -> Option<PathBuf> {
    let below = |dir: &&str| -> Vec<PathBuf> {
        let versions = fs::read_dir(dir).into_iter().flatten().flatten();
        let mut versions: Vec<_> = versions.map(|version| version.file_name()).collect();
        // Numerically: 9.6 is older than 15.
        versions.sort_unstable_by_key(|version| {
            let version = version.to_string_lossy();
            let digits = version.find(|c: char| c.is_ascii_digit());
            let number = digits.and_then(|at| version[at..].parse::<f32>().ok());
            (number.unwrap_or(0.0) * 100.0) as u32
        });
        let versions = versions.iter().rev();
        let versions = versions.map(|version| Path::new(dir).join(version).join("bin").join(name));
        versions.chain([Path::new(dir).join(name)]).collect()
    };
    let mut all = HIDDEN.iter().flat_map(below);
    all.find(|path| path.is_file())
}
