//! Every public item has an example, and every link leads to an existing target.
//!
//! The lint `missing_docs` checks that docs exist, the lint `unreachable_pub` that `pub` means
//! public, and `cargo test --doc` that the examples work.

use std::collections::BTreeSet;
use std::path::Path;

use crate::tidy::{read, sources};

/// The items that need no example, each with the reason.
const EXCEPTIONS: [(&str, &str); 1] = [(
    "Signal::",
    "each constant is a name for a number; the example is at the type",
)];

/// Whether users can't reach the items of a file, even public ones. The docs hide such a file, or
/// only a process of summon runs it.
fn is_private(path: &str) -> bool {
    let lib = read("summon/src/lib.rs");
    let module = path.trim_start_matches("summon/src/");
    let module = module.split(['/', '.']).next().unwrap();
    let declared = lib.split(&format!("pub mod {module};\n")).next().unwrap();
    declared.ends_with("#[doc(hidden)]\n")
        || path.starts_with("summon/src/guard/")
        || path.ends_with("/fuzzing.rs")
}

#[derive(Debug, PartialEq, Eq)]
struct Item {
    /// `name`, or `Type::name`.
    name: String,
    is_const: bool,
    has_example: bool,
}

/// Returns the public items of a file. Items that are hidden from its docs do not count.
fn items(text: &str) -> Vec<Item> {
    let mut found = Vec::new();
    let mut hidden = BTreeSet::new();
    // The type of an `impl`, or a public trait. A trait's methods are as public as the trait.
    let mut block: Option<(&str, bool)> = None;
    let mut above = Above::default();
    for line in text.lines().take_while(|line| *line != "mod tests {") {
        let code = line.trim_start();
        if above.takes(code) {
            continue;
        }
        let above = std::mem::take(&mut above);
        let is_outside = code.len() == line.len();
        if is_outside && code.starts_with("impl") {
            block = Some((type_of_impl(code), false));
        } else if is_outside && code.starts_with('}') {
            block = None;
        }
        let in_trait = block.is_some_and(|(_, is_trait)| is_trait);
        let Some((kind, name)) = declared(code, in_trait && line.starts_with("    fn ")) else {
            continue;
        };
        if above.is_hidden {
            hidden.insert(name);
        }
        if kind == "trait" {
            block = Some((name, true));
        }
        let of_type = block.filter(|_| !is_outside).map(|(name, _)| name);
        if above.is_hidden || of_type.is_some_and(|name| hidden.contains(name)) {
            continue;
        }
        found.push(Item {
            name: of_type.map_or(name.to_owned(), |of| format!("{of}::{name}")),
            is_const: kind == "const",
            has_example: above.has_example,
        });
    }
    found
}

/// The docs and attributes above an item.
#[derive(Default)]
struct Above {
    has_example: bool,
    is_hidden: bool,
    in_block: bool,
    in_attribute: bool,
}

impl Above {
    /// Whether the line is documentation or an attribute.
    fn takes(&mut self, line: &str) -> bool {
        if let Some(doc) = line.strip_prefix("///") {
            if let Some(language) = doc.trim_start().strip_prefix("```") {
                self.in_block = !self.in_block;
                // Blocks in another language, and blocks that are not compiled, do not count as
                // examples.
                self.has_example |=
                    self.in_block && ["", "no_run", "should_panic"].contains(&language);
            }
            return true;
        }
        if line.starts_with("#[") || self.in_attribute {
            self.is_hidden |= line.starts_with("#[doc(hidden)]");
            self.in_attribute = !line.ends_with(']');
            return true;
        }
        false
    }
}

/// Returns the kind and the name of the public item that a line declares.
fn declared(line: &str, in_trait: bool) -> Option<(&str, &str)> {
    const KINDS: [&str; 9] = [
        "fn", "struct", "enum", "trait", "type", "const", "static", "union", "macro",
    ];
    if let Some(path) = line.strip_prefix("pub use summon_macros::") {
        return Some(("macro", path.trim_end_matches(';')));
    }
    let rest = match line.strip_prefix("pub ") {
        Some(rest) => rest,
        None if in_trait => line,
        None => return None,
    };
    // Skips the qualifiers, as in `pub const fn`.
    let rest = ["const ", "async ", "unsafe "]
        .into_iter()
        .find_map(|word| {
            rest.strip_prefix(word)
                .filter(|rest| rest.starts_with("fn "))
        })
        .unwrap_or(rest);
    let (kind, rest) = rest.split_once(' ')?;
    let name = rest
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()?;
    KINDS.contains(&kind).then_some((kind, name))
}

/// `Target` of `impl<'a> Target<'a> {`.
fn type_of_impl(line: &str) -> &str {
    let mut depth = 0;
    let mut rest = line.trim_start_matches("impl");
    if rest.starts_with('<') {
        let end = rest.find(|c| {
            depth += i32::from(c == '<') - i32::from(c == '>');
            depth == 0
        });
        rest = &rest[end.map_or(0, |end| end + 1)..];
    }
    let rest = rest.trim_start();
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
    &rest[..end.unwrap_or(rest.len())]
}

#[test]
fn every_public_item_has_an_example() {
    let mut count = 0;
    let mut missing = Vec::new();
    let mut excused = BTreeSet::new();
    for (path, text) in sources("summon/src") {
        if is_private(&path) {
            continue;
        }
        for item in items(&text) {
            count += 1;
            if item.has_example {
                continue;
            }
            let is_excused = |name: &&str| item.is_const && item.name.starts_with(*name);
            match EXCEPTIONS.iter().map(|(name, _)| *name).find(is_excused) {
                Some(name) => drop(excused.insert(name)),
                None => missing.push(format!("{path}: {}", item.name)),
            }
        }
    }
    missing.sort();
    assert!(
        missing.is_empty(),
        "{} of {count} public items have no example:\n{}",
        missing.len(),
        missing.join("\n")
    );
    assert_eq!(
        excused.len(),
        EXCEPTIONS.len(),
        "nobody needs some exception"
    );
    assert!(count > 150, "only {count} public items were found");
}

#[test]
fn an_item_without_an_example_is_seen() {
    let text = r#"
/// Has one.
///
/// ```
/// Fine::new();
/// ```
#[must_use = "it does \
    nothing"]
pub struct Fine;

impl<P: Into<Vec<u8>>> Fine {
    /// Has none but a text.
    ///
    /// ```text
    /// Fine
    /// ```
    pub const fn new() -> Fine {}

    /// No user sees it.
    pub(crate) fn own() {}

    /// Nor this.
    #[doc(hidden)]
    pub fn private() {}
}

/// Has none.
pub trait Looks {
    /// ```no_run
    /// looks.look();
    /// ```
    fn look(&self);

    /// Has none.
    fn describe(&self) {
    }
}

#[doc(hidden)]
pub struct Hidden;

impl Hidden {
    pub fn new() {}
}

impl Looks for Fine {
    fn look(&self) {}
}

pub use summon_macros::summon;
"#;
    let found: Vec<(String, bool)> = items(text)
        .into_iter()
        .map(|item| (item.name, item.has_example))
        .collect();
    let expected = [
        ("Fine", true),
        ("Fine::new", false),
        ("Looks", false),
        ("Looks::look", true),
        ("Looks::describe", false),
        ("summon", false),
    ];
    assert_eq!(found, expected.map(|(name, has)| (name.to_owned(), has)));
}

/// Returns `label` and `target` of each line `[label]: target`.
fn definitions<'a>(text: &'a str, mark: &str) -> Vec<(&'a str, &'a str)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(mark));
    let pairs = lines.filter_map(|line| line.split_once("]: "));
    // The picture leads to a file on GitHub in the README, and is embedded data in rustdoc.
    let pairs = pairs.filter(|(label, _)| *label != "picture");
    pairs.filter(|(_, there)| !there.contains(' ')).collect()
}

/// In the crate's docs, the definitions of `lib.rs` come first and therefore win. Outside the
/// crate's docs, the README's own definitions apply.
#[test]
fn links_of_the_readme_work_wherever_it_is_read() {
    let (readme, lib) = (read("README.md"), read("summon/src/lib.rs"));
    let outside = definitions(&readme, "[");
    let inside = definitions(&lib, "//! [");
    let labels = |all: &[(&str, &str)]| -> Vec<String> {
        all.iter().map(|(label, _)| (*label).to_owned()).collect()
    };
    assert!(!outside.is_empty());
    assert_eq!(labels(&outside), labels(&inside));
    for ((label, url), (_, item)) in outside.iter().zip(&inside) {
        let path = url.strip_prefix("https://docs.rs/summon-process/latest/summon/");
        let path = path.unwrap_or_else(|| panic!("[{label}] leads to {url}"));
        let path = path
            .trim_end_matches("/index.html")
            .trim_end_matches(".html");
        // `probe/fn.tcp` is `probe::tcp()`, and `attr.fixture` is `macro@fixture`.
        let there: Vec<_> = path
            .split('/')
            .map(|part| part.rsplit('.').next())
            .collect();
        let item = item.trim_start_matches("macro@").trim_end_matches("()");
        let here: Vec<_> = item.split("::").map(Some).collect();
        assert_eq!(there, here, "[{label}] leads to {url}");
        let seen = readme.matches(&format!("[{label}]")).count();
        assert!(seen > 1, "nobody uses [{label}]");
    }
    // Any other link works in only one of the two places.
    for link in readme.split("](").skip(1) {
        assert!(
            link.starts_with("http"),
            "define it: {}",
            link.lines().next().unwrap()
        );
    }
    for link in readme.split("[`").skip(1) {
        let label = format!("`{}`", link.split("`]").next().unwrap());
        assert!(labels(&outside).contains(&label), "define it: [{label}]");
    }
}

/// Checks the README against its copy. `SUMMON_BLESS=1` writes the copy again.
#[test]
fn the_picture_in_rustdoc_is_the_file() {
    let svg = "summon/docs/how-it-works.svg";
    let copy = base64(read(svg).as_bytes()) + "\n";
    if std::env::var_os("SUMMON_BLESS").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../{svg}.base64"));
        std::fs::write(path, &copy).unwrap();
    }
    assert!(
        read(&format!("{svg}.base64")) == copy,
        "{svg}.base64 is out of date: run this test with SUMMON_BLESS=1"
    );
    let definition = |there: &str| format!("\n[picture]: {there}\n");
    assert!(read("README.md").contains(&definition(svg)));
    assert!(read("summon/docs/lifecycle.md").contains(&definition("how-it-works.svg")));
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |index: usize| u32::from(*three.get(index).unwrap_or(&0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            match index <= three.len() {
                true => text.push(DIGITS[(bits >> (18 - 6 * index) & 63) as usize].into()),
                false => text.push('='),
            }
        }
    }
    text
}

/// Returns the anchors of a page, as rustdoc derives them from the headings.
fn anchors(page: &str) -> BTreeSet<String> {
    let outside_code = page.split("```").step_by(2).collect::<String>();
    let headings = outside_code.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| -> String {
        let kept = line.trim_start_matches(['#', ' ']).chars().filter_map(|c| {
            let c = c.to_ascii_lowercase();
            (c.is_ascii_alphanumeric() || " -_".contains(c)).then_some(c)
        });
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn links_to_headings_lead_to_one() {
    let guide = read("summon/src/guide.rs");
    let names = guide.split("include_str!(\"../docs/").skip(1);
    let names = names.filter_map(|rest| rest.split_once(".md\")"));
    let page = |name: &str| format!("summon/docs/{name}.md");
    let mut texts: Vec<(String, String)> = sources("summon/src");
    texts.extend(names.map(|(name, _)| (page(name), read(&page(name)))));
    texts.push(("README.md".to_owned(), read("README.md")));
    let mut count = 0;
    for (path, text) in &texts {
        for (number, rest) in text.split('#').enumerate().skip(1) {
            let before = text.split('#').nth(number - 1).unwrap();
            let anchor = rest.split(')').next().unwrap();
            let word = before.rsplit(['(', ' ', '\n']).next().unwrap();
            let linked = match word.strip_prefix("crate::guide::") {
                Some(name) => page(&name.replace('_', "-")),
                None if word == "crate" => "README.md".to_owned(),
                None if before.ends_with("](") && path.ends_with(".md") => path.clone(),
                None => continue,
            };
            count += 1;
            let is_there = anchors(&read(&linked)).contains(anchor);
            assert!(is_there, "{path}: no heading of {linked} is `#{anchor}`");
        }
    }
    assert!(count > 20, "only {count} links were found");
}
