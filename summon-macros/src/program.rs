//! `bin = ".."` and `example = ".."`: a program of the package itself, as cargo builds it. The text
//! of the kind is then its arguments.

use std::fs;
use std::path::Path;

use quote::quote_spanned;
use syn::{Expr, LitStr};

use crate::args::Args;
use crate::errors::Errors;
use crate::expand::ends;
use crate::kind::Kind;
use crate::literal;
use crate::model::{all, one_value};
use crate::nearest::nearest;

pub(crate) struct Program {
    target: Target,
    pub(crate) name: LitStr,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Bin,
    Example,
}

/// The key of a program, as cargo calls what it names.
const KEYS: [(&str, Target); 2] = [("bin", Target::Bin), ("example", Target::Example)];

impl Program {
    /// Takes the key out of those of an attribute.
    pub(crate) fn take(args: &mut Args, kind: Kind, errors: &mut Errors) -> Option<Program> {
        // What keys another executor has is its own affair.
        if kind == Kind::Executor {
            return None;
        }
        let target = |key: &syn::Ident| KEYS.iter().find(|(name, _)| key == name);
        let mut given = args.take(|key| target(key).is_some()).into_iter();
        let first = given.next()?;
        for second in given {
            let message = format!(
                "one attribute, one program: this has `{}` already",
                first.key
            );
            errors.at(second.key.span(), message);
        }
        let (key, target) = *target(&first.key)?;
        if kind == Kind::Fixture {
            let message = "a fixture has its program where it is declared: move this to its \
                           `#[summon::fixture(..)]`";
            errors.at(first.key.span(), message);
            return None;
        }
        let value = errors.keep(one_value(first))?;
        let Some(name) = literal::text(&value) else {
            let message = format!("`{key}` takes a name as it stands, `{key} = \"..\"`");
            errors.under(&value, message);
            // There is one all the same, and what follows are its arguments.
            let name = LitStr::new("program", ends(&value).0);
            return Some(Program { target, name });
        };
        if let Err(why) = Known::here(target).check(&name.value()) {
            errors.under(name, why);
        }
        let name = name.clone();
        Some(Program { target, name })
    }

    /// The command, with its arguments.
    pub(crate) fn command(&self, arguments: &Expr) -> Expr {
        let (name, span) = (&self.name, self.name.span());
        let tokens = match self.target {
            Target::Bin => {
                let variable = LitStr::new(&format!("{VARIABLE}{}", name.value()), span);
                quote_spanned! {span=>
                    ::summon::__private::bin(#name, ::core::env!(#variable), #arguments)
                }
            }
            Target::Example => {
                quote_spanned!(span=> ::summon::__private::example(#name, #arguments))
            }
        };
        Expr::Verbatim(tokens)
    }
}

/// What cargo puts before the name of a binary, for those whom it tells its path
/// (<https://doc.rust-lang.org/cargo/reference/environment-variables.html>).
const VARIABLE: &str = "CARGO_BIN_EXE_";

/// The programs of one kind that the package has.
struct Known {
    target: Target,
    names: Vec<String>,
    /// Cargo tells neither unit tests nor the package's own programs.
    is_told: bool,
}

impl Known {
    #[cfg(not(test))]
    fn here(target: Target) -> Known {
        let variables = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        Known {
            target,
            names: match target {
                Target::Bin => variables
                    .filter_map(|name| name.strip_prefix(VARIABLE).map(str::to_owned))
                    .collect(),
                Target::Example => std::env::var_os("CARGO_MANIFEST_DIR")
                    .map(|dir| examples(Path::new(&dir)))
                    .unwrap_or_default(),
            },
            // As with the binaries, it is there for integration tests and benches.
            is_told: target == Target::Example || std::env::var_os("CARGO_TARGET_TMPDIR").is_some(),
        }
    }

    #[cfg(test)]
    fn here(target: Target) -> Known {
        Known {
            target,
            names: vec!["my-server".to_owned(), "other".to_owned()],
            is_told: true,
        }
    }

    fn check(mut self, name: &str) -> Result<(), String> {
        if self.names.iter().any(|it| it == name) {
            return Ok(());
        }
        let what = match self.target {
            Target::Bin => "binary",
            Target::Example => "example",
        };
        if !self.is_told {
            return Err(format!(
                "cargo tells where binaries are to integration tests (`tests/*.rs`) and benches \
                 alone: move this there, or write the path of `{name}` into the command"
            ));
        }
        self.names.sort();
        let near = nearest(name, self.names.iter().map(String::as_str));
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        let names: Vec<_> = self.names.iter().map(|name| format!("`{name}`")).collect();
        let elsewhere = format!(
            ". For one of another package, whose programs cargo does not build for these tests, run \
             `cargo build -p PACKAGE` first and write its path into the command, `target/debug/{}{name}`",
            match self.target {
                Target::Bin => "",
                Target::Example => "examples/",
            }
        );
        Err(match names.as_slice() {
            [] => format!("this package has no {what} `{name}`, nor any other{elsewhere}"),
            _ if !near.is_empty() => format!("this package has no {what} `{name}`{near}"),
            names => {
                let names = all(names);
                format!("this package has no {what} `{name}`; it has {names}{elsewhere}")
            }
        })
    }
}

/// The examples that cargo finds by itself, and those that the manifest names
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
    // A table goes to the next one.
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

    fn said(target: Target, names: &[&str], is_told: bool, name: &str) -> String {
        let known = Known {
            target,
            names: names.iter().map(|&name| name.to_owned()).collect(),
            is_told,
        };
        known.check(name).unwrap_err()
    }

    #[test]
    fn a_program_that_is_not_there_is_told_with_those_that_are() {
        let others = said(Target::Bin, &["two", "one"], true, "server");
        assert!(
            others.starts_with("this package has no binary `server`; it has `one` and `two`. For"),
            "{others}"
        );
        assert_eq!(
            said(Target::Example, &["servers"], true, "server"),
            "this package has no example `server`; did you mean `servers`?"
        );
        let none = said(Target::Example, &[], true, "server");
        assert!(
            none.starts_with("this package has no example `server`, nor any other. For one of"),
            "{none}"
        );
        assert!(none.ends_with("`target/debug/examples/server`"), "{none}");
        assert!(
            said(Target::Bin, &[], false, "server")
                .starts_with("cargo tells where binaries are to integration tests")
        );
    }

    #[test]
    fn examples_are_those_that_cargo_finds() {
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
