//! The code of the recipes is the code that `tests/run servers` runs, word for word.

use std::fs;
use std::path::Path;

const RECIPES: &str = include_str!("../../summon/docs/recipes.md");

/// Returns the pages with their file names.
fn pages() -> Vec<(String, String)> {
    let below = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/servers/tests");
    let pages = fs::read_dir(below).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    });
    pages.collect()
}

#[test]
fn show_what_their_pages_have() {
    let pages = pages();
    let mut shown = 0;
    for block in RECIPES.split("```rust,ignore\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let has_it = |(_, page): &(String, String)| page.contains(block);
        assert!(pages.iter().any(has_it), "no page has this:\n{block}");
        shown += 1;
    }
    assert!(shown >= pages.len(), "{shown} of {}", pages.len());
}

#[test]
fn have_each_page_in_the_table() {
    let pages = pages();
    assert!(pages.len() >= 11, "{}", pages.len());
    for (name, _) in pages {
        let rows = RECIPES
            .lines()
            .filter(|line| line.contains(&format!("| `{name}`, ")));
        assert_eq!(rows.count(), 1, "{name}");
    }
}

#[test]
fn begin_with_what_to_know() {
    for (name, page) in pages() {
        assert!(page.starts_with("//! "), "{name}");
        assert!(page.lines().count() <= 100, "{name} is no page to copy");
    }
}
