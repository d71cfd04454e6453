//! The docs list all variables of the environment that summon reads.

use std::collections::BTreeSet;

use super::{read, sources};

/// The tables with all variables.
const PAGES: [&str; 2] = ["README.md", "summon/docs/debugging.md"];
/// summon sets this variable itself, for the warden.
const INTERNAL: &str = "SUMMON_WARDEN";

/// Returns the names that begin with `SUMMON_` in a text.
fn names(text: &str) -> impl Iterator<Item = String> {
    let is_part = |c: char| c.is_ascii_uppercase() || c == '_';
    text.match_indices("SUMMON_").map(move |(start, _)| {
        let rest = &text[start..];
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        rest[..end].to_owned()
    })
}

#[test]
fn each_variable_is_in_the_tables() {
    let mut read_by_code = BTreeSet::new();
    for (_, text) in sources("summon/src") {
        let code = |line: &&str| !line.trim_start().starts_with("//");
        read_by_code.extend(text.lines().filter(code).flat_map(names));
    }
    assert!(read_by_code.remove(INTERNAL));
    assert!(read_by_code.len() >= 10, "{read_by_code:?}");
    for page in PAGES {
        let text = read(page);
        let rows = text.lines().filter(|line| line.starts_with("| `SUMMON_"));
        let listed: BTreeSet<String> = rows.filter_map(|row| names(row).next()).collect();
        assert_eq!(listed, read_by_code, "in {page}");
    }
}
