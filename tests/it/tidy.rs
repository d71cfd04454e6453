//! Rules of the repository, as tests.

use std::fs;
use std::path::{Path, PathBuf};

use options::{OPTIONS, Takes};

mod floors;
mod imports;
#[expect(dead_code, reason = "the macros look options up")]
#[path = "../../summon-macros/src/checked_options.rs"]
mod options;
mod variables;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Returns all Rust files below a directory: the paths from the root, and the texts.
pub(crate) fn sources(below: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut dirs = vec![root().join(below)];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // cargo writes the files in `target`.
                if !path.ends_with("target") {
                    dirs.push(path);
                }
            } else if path.extension().is_some_and(|it| it == "rs") {
                let name = path
                    .strip_prefix(root())
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// Returns the lines of a file without comments and unit tests. A file `tests.rs` has nothing else.
fn code<'a>(path: &str, text: &'a str) -> impl Iterator<Item = &'a str> {
    let end = text.find("#[cfg(test)]").unwrap_or(text.len());
    let end = if path.ends_with("/tests.rs") { 0 } else { end };
    text[..end]
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn unsafe_and_pids_are_in_sys_and_guard_alone() {
    for (path, text) in sources("summon/src") {
        if path.starts_with("summon/src/sys/") || path.starts_with("summon/src/guard/") {
            continue;
        }
        for line in code(&path, &text) {
            // Code outside `sys` names no system either. Otherwise it would need a branch for each
            // system.
            for word in ["unsafe", "libc::", "rustix::", "std::os::", "SIGKILL"] {
                let code = line.split("//").next().unwrap();
                assert!(!code.contains(word), "{path}: {line}");
            }
        }
    }
    for below in ["summon-macros/src", "summon-syntax/src"] {
        for (path, text) in sources(below) {
            assert!(!text.contains("unsafe"), "{path}");
        }
    }
}

#[test]
fn threads_take_no_signals() {
    for (path, text) in sources("summon/src") {
        for line in code(&path, &text) {
            // Threads of `thread::scope` run users' code.
            let starts = line.contains("thread::spawn(") || line.contains("Builder::new().spawn(");
            assert!(!starts, "{path}: {line}: `sys::threads::spawn` does");
        }
    }
}

#[test]
fn files_stay_small() {
    for below in [
        "summon",
        "summon-macros",
        "summon-syntax",
        "tests",
        "examples",
        "fuzz/targets",
    ] {
        for (path, text) in sources(below) {
            let lines = text.lines().count();
            assert!(lines <= 450, "{path} has {lines} lines: is it one job?");
        }
    }
}

#[test]
fn versions_agree() {
    let version = env!("CARGO_PKG_VERSION");
    for (package, of) in [
        ("summon", "summon-macros"),
        ("summon", "summon-syntax"),
        ("summon-macros", "summon-syntax"),
    ] {
        let pin = format!("{of} = {{ path = \"../{of}\", version = \"={version}\" }}");
        assert!(
            read(&format!("{package}/Cargo.toml")).contains(&pin),
            "{pin}"
        );
    }
    assert!(read("CHANGELOG.md").contains(&format!("\n## [{version}]")));
    let minor = version.rsplit_once('.').unwrap().0;
    let install = format!("summon-process = \"{minor}\"");
    assert!(read("README.md").contains(&install));
    let rust = env!("CARGO_PKG_RUST_VERSION");
    assert!(read("README.md").contains(&format!("Rust {rust}")));
}

#[test]
fn each_dependency_has_its_reason() {
    for manifest in [
        "summon/Cargo.toml",
        "summon-macros/Cargo.toml",
        "summon-syntax/Cargo.toml",
        "fuzz/Cargo.toml",
    ] {
        let text = read(manifest);
        // This includes the dependencies of one system.
        for dependencies in text.split("dependencies]\n").skip(1) {
            let dependencies = dependencies.split("\n[").next().unwrap();
            let mut reason = None;
            for line in dependencies.lines().filter(|line| !line.is_empty()) {
                if line.starts_with("# ") {
                    reason = Some(line);
                }
                assert!(reason.is_some(), "{manifest}: {line}");
            }
        }
    }
}

#[test]
fn patterns_are_tested_with_the_regex_of_the_runtime() {
    let regex = |manifest: &str| -> Vec<String> {
        let text = read(manifest);
        let lines = text.lines().filter(|line| line.starts_with("regex = "));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(
        regex("summon/Cargo.toml"),
        regex("summon-syntax/Cargo.toml")
    );
}

#[test]
fn the_workflow_runs_each_job_of_ci() {
    let workflow = read(".github/workflows/ci.yml");
    let run = read("tests/run");
    let list = |name: &str| -> Vec<String> {
        let (_, rest) = run.split_once(&format!("\n{name}=(")).unwrap();
        let words = rest.split_once(')').unwrap().0.split_whitespace();
        words
            .filter(|word| !word.starts_with('"'))
            .map(str::to_owned)
            .collect()
    };
    let mut ours = list("quick");
    ours.extend(list("full"));
    // The lists of a matrix, and the jobs behind the script's name.
    let mut theirs = Vec::new();
    for line in workflow.lines().map(str::trim) {
        let jobs = line
            .strip_prefix("- run: tests/run ")
            .filter(|jobs| !jobs.starts_with('$'))
            .or(line.strip_prefix("- ").filter(|line| !line.contains(':')));
        theirs.extend(jobs.unwrap_or("").split_whitespace());
    }
    for job in &ours {
        assert!(theirs.contains(&job.as_str()), "not in the workflow: {job}");
    }
    for job in theirs {
        assert!(run.contains(&format!("\njob_{job}()")), "no job: {job}");
    }
    assert!(
        !workflow.contains("NEXTEST_PROFILE"),
        "no workspace has this profile"
    );
}

#[test]
fn files_that_the_page_on_platforms_names_are_there() {
    let page = read("summon/docs/platforms.md");
    let names = page.split('`').filter(|name| name.ends_with(".rs"));
    let ours: Vec<&str> = names
        .filter(|name| name.starts_with("sys/") || name.starts_with("guard/"))
        .collect();
    assert!(ours.len() > 5, "{ours:?}");
    for name in ours {
        assert!(root().join("summon/src").join(name).is_file(), "{name}");
    }
}

/// A checkout on Windows turns symbolic links into files that contain a path.
#[test]
fn no_file_is_a_symbolic_link() {
    let mut dirs = vec![root()];
    let mut count = 0;
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let kind = entry.file_type().unwrap();
            assert!(!kind.is_symlink(), "{}", entry.path().display());
            // Other programs write to these directories.
            let is_ours = entry.file_name() != "target" && entry.file_name() != ".git";
            if kind.is_dir() && is_ours {
                dirs.push(entry.path());
            }
            count += 1;
        }
    }
    assert!(count > 100);
}

/// Cargo packs only files below a package's own directory.
#[test]
fn each_package_has_its_licences() {
    for package in ["summon", "summon-macros", "summon-syntax"] {
        for name in ["LICENSE-APACHE", "LICENSE-MIT"] {
            let copy = format!("{package}/{name}");
            assert!(read(&copy) == read(name), "{copy} differs from {name}");
        }
    }
}

/// Counts the Rust snippets of a page that have a test. Each must also be in this file, word for
/// word.
fn tests_shown(page: &str, file: &str) -> usize {
    let squeezed = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let ours = squeezed(&read(file));
    let mut seen = 0;
    for block in read(page).split("\n```rust").skip(1) {
        let (_, block) = block.split_once('\n').unwrap();
        let block = block.split("```").next().unwrap();
        if block.contains("#[test]") {
            seen += 1;
            let is_there = ours.contains(&squeezed(block.trim()));
            assert!(is_there, "of {page}, not in {file}:\n{block}");
        }
    }
    seen
}

#[test]
fn tests_in_the_readme_are_tests() {
    assert_eq!(tests_shown("README.md", "tests/it/readme.rs"), 4);
}

#[test]
fn tests_of_ones_own_service_are_tests() {
    let page = "summon/docs/own-service.md";
    assert_eq!(tests_shown(page, "tests/it/own_service.rs"), 4);
}

/// Each item of a snippet is in one file of `tests/workspaces/ecosystem`, word for word.
#[test]
fn snippets_of_the_ecosystem_are_tests() {
    let mut files = sources("tests/workspaces/ecosystem");
    for (_, text) in &mut files {
        // Doctests are comments in these files.
        let lines = text.lines().map(|line| match line.strip_prefix("//!") {
            Some(rest) => rest.strip_prefix(' ').unwrap_or(rest),
            None => line,
        });
        *text = lines.collect::<Vec<_>>().join("\n");
    }
    for (page, count) in [("ecosystem.md", 17), ("databases.md", 7)] {
        let page = read(&format!("summon/docs/{page}"));
        let mut seen = 0;
        for snippet in page.split("```rust,ignore\n").skip(1) {
            let snippet = snippet.split("\n```\n").next().unwrap();
            // The test has more imports than the snippet.
            let (imports, rest) = snippet.split_once("\n\n").unwrap_or(("", snippet));
            let parts = || imports.lines().chain(rest.split("\n\n"));
            let is_there = |text: &str| parts().all(|part| text.contains(part));
            let is_somewhere = files.iter().any(|(_, text)| is_there(text));
            assert!(
                is_somewhere,
                "not in tests/workspaces/ecosystem:\n{snippet}"
            );
            seen += 1;
        }
        assert_eq!(seen, count);
    }
}

#[test]
fn errors_of_the_ecosystem_are_those_of_its_tests() {
    let page = read("summon/docs/ecosystem.md");
    let mut seen = 0;
    for (path, text) in sources("tests/workspaces/ecosystem/tests/wrong") {
        let first = text.lines().next().unwrap();
        if let Some(error) = first.strip_prefix("//! error: ") {
            assert!(page.contains(error), "of {path}, not in the docs: {error}");
            seen += 1;
        }
    }
    assert_eq!(seen, 9);
}

#[test]
fn builder_names_and_process_names_are_disjoint() {
    let methods = |below: &str| -> Vec<String> {
        let sources = sources("summon/src");
        let texts = sources.iter().filter(|(path, _)| path.starts_with(below));
        texts
            .flat_map(|(_, text)| text.lines())
            .filter_map(|line| line.trim_start().strip_prefix("pub fn "))
            .map(|rest| rest.split(['(', '<']).next().unwrap().to_owned())
            .collect()
    };
    let of_builder = [
        methods("summon/src/executor/"),
        methods("summon/src/servers/"),
    ]
    .concat();
    let of_process = methods("summon/src/process/");
    let expected = ["timeout", "on_port"].map(str::to_owned);
    assert!(expected.iter().all(|name| of_builder.contains(name)));
    assert!(of_process.contains(&"start".to_owned()));
    for name in of_builder {
        assert!(!of_process.contains(&name), "`{name}` is both");
    }
}

/// A switch takes a `bool`, so that `key = value` sets each option, and a test can compute the value.
#[test]
fn each_builder_method_takes_a_value() {
    let (mut seen, mut without) = (0, Vec::new());
    for (path, text) in sources("summon/src") {
        for method in text.split("pub fn ").skip(1) {
            let head = method.split(['{', ';']).next().unwrap();
            let (name, arguments) = head.split_once('(').unwrap_or((head, ""));
            let is_builder = arguments.starts_with("self") || arguments.starts_with("mut self");
            let is_of_user = path.contains("/executor/") || path.contains("/probe/");
            if is_builder && is_of_user {
                seen += 1;
                if !arguments.contains(", ") && !arguments.contains(",\n") {
                    without.push(format!("{path}: {name}"));
                }
            }
        }
    }
    assert!(seen > 40, "{seen}");
    assert!(without.is_empty(), "{without:#?}");
}

#[test]
fn the_macros_know_all_signals() {
    let names = |path: &str, before: &str, after: &str| -> Vec<String> {
        let all = sources(path.rsplit_once('/').unwrap().0).into_iter();
        let (_, text) = all.into_iter().find(|(it, _)| it.ends_with(path)).unwrap();
        let lines = text.lines().map(str::trim);
        let names = lines.filter_map(|line| line.strip_prefix(before)?.split_once(after));
        names.map(|(name, _)| name.to_owned()).collect()
    };
    let constants = names("summon/src/sys/signal.rs", "pub const ", ": Signal");
    let known = names("summon-macros/src/named_values.rs", "(\"", "\", ");
    assert!(constants.len() > 10, "{constants:?}");
    assert_eq!(constants, known);
}

#[test]
fn the_macros_know_what_the_options_do() {
    let mut seen = 0;
    let all = sources("summon/src").into_iter();
    let is_builder = |path: &str| path.contains("/executor/") || path.ends_with("/cluster/mod.rs");
    for (path, text) in all.filter(|(path, _)| is_builder(path)) {
        for method in text.split("\n    pub fn ").skip(1) {
            let name = method.split(['(', '<']).next().unwrap();
            let method = method.split("\n    }\n").next().unwrap();
            let known = OPTIONS.iter().find(|option| option.0 == name);
            seen += usize::from(known.is_some());
            let (_, takes, may_repeat) = *known.unwrap_or(&(name, Takes::Other, false));
            let adds = method.contains(".push(") || method.contains(".extend(");
            assert_eq!(adds, may_repeat, "{path}: does `{name}` add?");
            let is_duration = method.contains("impl Into<Limit>");
            assert_eq!(is_duration, takes == Takes::Duration, "{path}: {name}");
            let is_command = method.contains("(self, command: impl Into<Command>)");
            assert_eq!(is_command, takes == Takes::Command, "{path}: {name}");
        }
    }
    assert_eq!(
        seen,
        OPTIONS.len(),
        "the macros know an option that is gone"
    );
}
