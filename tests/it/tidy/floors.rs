//! Imports point down the floors of a crate, and no files import each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::{Crate, Edge, circle};
use super::sources;

const SYSTEMS: [&str; 3] = ["linux", "macos", "windows"];

/// The modules of a crate, from the top floor to the bottom.
type Floors = &'static [&'static [&'static str]];

const FLOORS: [(&str, Floors); 3] = [
    (
        "summon/src",
        &[
            &["lib", "__private", "guide", "fuzzing"],
            &["servers"],
            &["cluster", "orchestrator", "fixture", "database"],
            &["executor"],
            &["process"],
            &["hold", "image", "link", "probe"],
            &["guard"],
            &[
                "annotation",
                "command",
                "contents",
                "exec_error",
                "find_program",
                "limit",
                "missing",
                "never",
                "number_set",
                "output",
                "panicked",
                "port",
                "progress",
                "session",
                "shell_quoting",
                "size",
                "skipped",
                "small_map",
                "stdin",
                "trace",
                "tuples",
            ],
            &["sys"],
            &["error"],
        ],
    ),
    (
        "summon-macros/src",
        &[
            &["lib"],
            &["function", "fixture"],
            &["check", "expand"],
            &["cases", "parameters"],
            &["item", "summoned"],
            &["args", "export", "program", "setup"],
            &["named_values"],
            &["checked_options", "errors", "kind", "literal", "span"],
        ],
    ),
    (
        "summon-syntax/src",
        &[
            &["lib"],
            &["pattern"],
            &["template"],
            &[
                "circle", "duration", "nodes", "possible", "shell", "url", "words",
            ],
        ],
    ),
];

/// The imports of a crate on a system.
fn edges(below: &str, system: &str) -> BTreeSet<Edge> {
    let files = sources(below).into_iter().map(|(path, text)| {
        let path = path.strip_prefix(below).unwrap().trim_start_matches('/');
        (path.to_owned(), text)
    });
    Crate::new(system, &files.collect()).edges()
}

/// Whether an import points to a higher floor.
fn points_up(floors: Floors, (from, to): &Edge) -> bool {
    let floor = |file: &str| {
        let module = file.split(['/', '.']).next().unwrap();
        let floor = floors.iter().position(|floor| floor.contains(&module));
        floor.unwrap_or_else(|| panic!("on which floor is `{module}`?"))
    };
    floor(from) > floor(to)
}

#[test]
fn imports_point_down() {
    for (below, floors) in FLOORS {
        for system in SYSTEMS {
            let edges = edges(below, system);
            assert!(!edges.is_empty(), "{below}");
            for edge in &edges {
                assert!(
                    !points_up(floors, edge),
                    "{below}: {} imports {}, which is on a higher floor",
                    edge.0,
                    edge.1
                );
            }
        }
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    for (below, _) in FLOORS {
        for system in SYSTEMS {
            let circle = circle(&edges(below, system)).map(|circle| circle.join(" -> "));
            assert_eq!(circle, None, "{below} on {system}");
        }
    }
}

fn circle_of(files: &[(&str, &str)]) -> Option<String> {
    let files: BTreeMap<_, _> = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect();
    circle(&Crate::new("linux", &files).edges()).map(|circle| circle.join(" -> "))
}

#[test]
fn a_circle_is_found_however_a_file_names_the_other() {
    let lib = ("lib.rs", "mod a; mod b;");
    let a = ("a.rs", "use crate::b::B; pub struct A(B);");
    for b in [
        "use crate::a::A; struct B;",
        "use super::a::A; struct B;",
        "use crate::{a::{self, A}}; struct B;",
        "use crate::{x::Y, a as other}; struct B;",
        "struct B; fn f() { crate::x(); crate::a::f() }",
        "struct B; fn f() { g(1, &[super::a::A]) }",
        "struct B; fn f() -> Vec<crate::a::A> { vec![] }",
        "struct B; macro_rules! m { () => { $crate::a::A } }",
        "struct B; fn f() { println!(\"{}\", crate::a::A) }",
        "struct B; #[cfg(not(test))] fn f() { crate::a::f() }",
        "struct B; mod inside { fn f() { super::super::a::f() } }",
    ] {
        let found = circle_of(&[lib, a, ("b.rs", b)]);
        assert_eq!(found.as_deref(), Some("a.rs -> b.rs -> a.rs"), "{b}");
    }
    for b in [
        "struct B; // crate::a::A",
        "struct B; const S: &str = \"crate::a::A\";",
        "#[cfg(test)] use crate::a::A; struct B;",
        "struct B; #[cfg(test)] mod tests { use crate::a::A; }",
        "struct B; #[cfg(windows)] fn f() { crate::a::f() }",
        "use other::a::A; struct B;",
        "struct B; fn f() { other::crate_a::A }",
    ] {
        assert_eq!(circle_of(&[lib, a, ("b.rs", b)]), None, "{b}");
    }
}

#[test]
fn a_circle_is_found_through_modules() {
    // A parent and its child.
    let lib = ("lib.rs", "mod a;");
    let parent = ("a/mod.rs", "mod b; use b::B; const ONE: u8 = 1;");
    let child = ("a/b.rs", "pub struct B; fn f() -> u8 { super::ONE }");
    let found = circle_of(&[lib, parent, child]);
    assert_eq!(found.as_deref(), Some("a/b.rs -> a/mod.rs -> a/b.rs"));
    // A visibility is no import.
    let child = ("a/b.rs", "pub struct B; pub(in crate::a) fn f() {}");
    assert_eq!(circle_of(&[lib, parent, child]), None);
    // A re-export leads to the file that defines the name.
    let parent = ("a/mod.rs", "mod b; mod c; pub(crate) use {b::B, c::C};");
    let child = ("a/b.rs", "pub struct B; fn f(_: super::C) {}");
    let other = ("a/c.rs", "pub struct C;");
    assert_eq!(circle_of(&[lib, parent, child, other]), None);
    let other = ("a/c.rs", "pub struct C(crate::a::B);");
    let found = circle_of(&[lib, parent, child, other]);
    assert_eq!(found.as_deref(), Some("a/b.rs -> a/c.rs -> a/b.rs"));
    // A module in another place, by another name.
    let lib = (
        "lib.rs",
        "#[path = \"x/y.rs\"] mod a; use a as other; mod c;",
    );
    let files = [
        lib,
        ("x/y.rs", "use crate::c::*; struct A;"),
        ("c.rs", "fn f() { crate::other::A }"),
    ];
    let found = circle_of(&files);
    assert_eq!(found.as_deref(), Some("c.rs -> x/y.rs -> c.rs"));
}
