//! `bin = ".."` and `example = ".."`: a program that cargo builds from the package itself. The kind then
//! holds only the arguments.

use std::fs;
use std::path::Path;

use summon_syntax::words;
use syn::LitStr;

use crate::args::Args;
use crate::errors::Errors;
use crate::kind::Kind;
use crate::literal;
use crate::span::ends;

pub(crate) struct Program {
    pub(crate) target: Target,
    pub(crate) name: LitStr,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Bin,
    Example,
}

const KEYS: [(&str, Target); 2] = [("bin", Target::Bin), ("example", Target::Example)];

impl Program {
    /// Takes the program out of the arguments of an attribute.
    pub(crate) fn take(args: &mut Args, kind: Kind, errors: &mut Errors) -> Option<Program> {
        // An executor may have methods with these names.
        if kind == Kind::Executor {
            return None;
        }
        let target = |key: &syn::Ident| KEYS.iter().find(|(name, _)| key == name);
        let mut given = args.take(|key| target(key).is_some()).into_iter();
        let first = given.next()?;
        for second in given {
            let (one, other) = (&first.key, &second.key);
            let message = format!(
                "one attribute runs one program, and this one has `{one}`; remove `{other}`"
            );
            errors.at(other.span(), message);
        }
        let (key, target) = *target(&first.key)?;
        if kind == Kind::Fixture {
            let message = format!(
                "a fixture has its program at its declaration; move `{key}` to its \
                 `#[summon::fixture(..)]`"
            );
            errors.at(first.key.span(), message);
            return None;
        }
        let value = errors.keep(first.one_value())?;
        let Some(name) = literal::text(&value) else {
            let message = format!("`{key}` takes a name as a literal; write `{key} = \"..\"`");
            errors.under(&value, message);
            // The value of the kind still holds arguments, not a command.
            let name = LitStr::new("program", ends(&value).0);
            return Some(Program { target, name });
        };
        if let Some(why) = unknown(target, &name.value(), known(target)) {
            errors.under(name, why);
        }
        let name = name.clone();
        Some(Program { target, name })
    }
}

/// Begins the name of the variable with the path of a binary
/// (<https://doc.rust-lang.org/cargo/reference/environment-variables.html>).
pub(crate) const VARIABLE: &str = "CARGO_BIN_EXE_";

/// The names of the binaries or examples of the package. None if cargo does not pass them, as in unit tests
/// and in binaries.
#[cfg(not(test))]
fn known(target: Target) -> Option<Vec<String>> {
    let dir = std::env::var_os("CARGO_MANIFEST_DIR");
    if target == Target::Example {
        return Some(dir.map_or_else(Vec::new, |dir| examples(Path::new(&dir))));
    }
    // Cargo sets this variable, too, only for integration tests and benches.
    std::env::var_os("CARGO_TARGET_TMPDIR")?;
    let names = std::env::vars_os().filter_map(|(name, _)| {
        let name = name.into_string().ok()?;
        name.strip_prefix(VARIABLE).map(str::to_owned)
    });
    Some(names.collect())
}

#[cfg(test)]
fn known(_: Target) -> Option<Vec<String>> {
    Some(vec!["my-server".to_owned(), "other".to_owned()])
}

/// Explains that a name is not `known`.
fn unknown(target: Target, name: &str, known: Option<Vec<String>>) -> Option<String> {
    let (what, dir) = match target {
        Target::Bin => ("binary", ""),
        Target::Example => ("example", "examples/"),
    };
    let Some(mut known) = known else {
        return Some(format!(
            "cargo passes the paths of binaries only to integration tests (`tests/*.rs`) and \
             benches; move this function there, or write the path of `{name}` into the command"
        ));
    };
    if known.iter().any(|it| it == name) {
        return None;
    }
    known.sort();
    let none = format!("this package has no {what} `{name}`");
    if let Some(near) = words::nearest(name, known.iter().map(String::as_str)) {
        return Some(format!("{none}; did you mean `{near}`?"));
    }
    let others = match known.as_slice() {
        [] => format!("and no other {what}"),
        names => format!("only {}", words::list_names(names)),
    };
    Some(format!(
        "{none}, {others}. Cargo builds no programs of other packages for these tests; to run one, \
         run `cargo build -p PACKAGE` first, and write its path from the directory of this package \
         into the command, such as `../target/debug/{dir}{name}`"
    ))
}

/// Lists the examples that cargo finds by itself, and the examples that the manifest names
/// (<https://doc.rust-lang.org/cargo/reference/cargo-targets.html#target-auto-discovery>).
#[cfg_attr(test, allow(dead_code, reason = "tests have no package"))]
fn examples(package: &Path) -> Vec<String> {
    let entries = fs::read_dir(package.join("examples")).into_iter().flatten();
    let found = entries.flatten().filter_map(|entry| {
        let path = entry.path();
        let is_one = match path.extension() {
            Some(extension) => extension == "rs",
            None => path.join("main.rs").is_file(),
        };
        let stem = path.file_stem()?.to_str()?;
        is_one.then(|| stem.to_owned())
    });
    let manifest = fs::read_to_string(package.join("Cargo.toml")).unwrap_or_default();
    // A table ends at the next one.
    let tables = manifest
        .split("\n[")
        .filter(|it| it.starts_with("[example]]"));
    let named = tables.filter_map(|table| {
        let mut lines = table.lines().map(str::trim);
        lines.find_map(|line| {
            let value = line.strip_prefix("name")?.trim_start().strip_prefix('=')?;
            Some(value.trim().trim_matches(['"', '\'']).to_owned())
        })
    });
    found.chain(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(target: Target, names: Option<&[&str]>, name: &str) -> String {
        let names = names.map(|names| names.iter().map(|&name| name.to_owned()).collect());
        unknown(target, name, names).unwrap()
    }

    #[test]
    fn an_unknown_program_is_an_error_that_lists_the_others() {
        let others = said(Target::Bin, Some(&["two", "one"]), "server");
        assert!(
            others.starts_with("this package has no binary `server`, only `one` and `two`. Cargo"),
            "{others}"
        );
        assert_eq!(
            said(Target::Example, Some(&["servers"]), "server"),
            "this package has no example `server`; did you mean `servers`?"
        );
        let none = said(Target::Example, Some(&[]), "server");
        assert!(
            none.starts_with("this package has no example `server`, and no other example. Cargo"),
            "{none}"
        );
        // Tests run in the directory of their package, which is below that of the workspace.
        assert!(
            none.ends_with(", such as `../target/debug/examples/server`"),
            "{none}"
        );
        assert!(
            said(Target::Bin, None, "server")
                .starts_with("cargo passes the paths of binaries only to integration tests")
        );
    }

    #[test]
    fn examples_are_found_as_cargo_finds_them() {
        let dir = std::env::temp_dir().join(format!("summon-examples-{}", std::process::id()));
        fs::create_dir_all(dir.join("examples/with-dir")).unwrap();
        fs::create_dir_all(dir.join("examples/data")).unwrap();
        for file in ["one.rs", "with-dir/main.rs", "notes.md"] {
            fs::write(dir.join("examples").join(file), "").unwrap();
        }
        let manifest =
            "[package]\nname = \"p\"\n\n[[example]]\npath = \"x.rs\"\nname = \"named\"\n";
        fs::write(dir.join("Cargo.toml"), manifest).unwrap();
        let mut found = examples(&dir);
        found.sort();
        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(found, ["named", "one", "with-dir"]);
    }
}
