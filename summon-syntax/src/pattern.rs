//! Regular expressions.
//!
//! A pattern in ASCII matches bytes, any other pattern matches characters. `read` accepts what the
//! `regex` crate accepts with these settings, except that only `regex` knows whether the compiled
//! pattern is too large.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind, Look};

use crate::possible;
use crate::template::{self, Part};

/// The properties of a regular expression that need no compiled form.
#[derive(Debug)]
pub struct Pattern {
    /// The names of its groups.
    pub groups: Vec<String>,
    /// Whether it matches the empty line, and so any line.
    pub matches_empty_line: bool,
    /// Why it can match no line.
    pub never: Option<&'static str>,
}

/// Reads a pattern.
///
/// # Errors
///
/// If the pattern is not a valid regular expression. The text says what to write instead.
pub fn read(pattern: &str) -> Result<Pattern, String> {
    let is_unicode = !pattern.is_ascii();
    let mut parser = ParserBuilder::new().unicode(is_unicode).utf8(false).build();
    let hir = parser.parse(pattern).map_err(|error| {
        format!(
            "is not a valid regular expression: {}",
            why(pattern, &error)
        )
    })?;
    let mut groups = Vec::new();
    name_groups(&hir, &mut groups);
    Ok(Pattern {
        groups,
        matches_empty_line: matches_empty(&hir),
        never: possible::why_never(&hir),
    })
}

fn why(pattern: &str, error: &regex_syntax::Error) -> String {
    let (kind, span) = match error {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), error.span()),
        regex_syntax::Error::Translate(error) => (error.kind().to_string(), error.span()),
        // `regex-syntax` has no other errors today.
        error => return error.to_string(),
    };
    let (start, end) = (span.start.offset, span.end.offset);
    if kind.contains("Unicode") {
        return no_unicode(&pattern[start..end]);
    }
    let mut parts = template::parts(pattern).into_iter();
    if let Some(place) = parts.find(|part| !matches!(part, Part::Literal(_))) {
        return format!(
            "summon does not replace placeholders such as `{place}` here; write `\\d+` to match any \
             port, or `(?<port>\\d+)` to learn the port from the match"
        );
    }
    let shown: String = pattern[start..].chars().take(20).collect();
    match shown.chars().next() {
        None => kind,
        Some(c) if regex_syntax::is_meta_character(c) => {
            format!("{kind}, at `{shown}`; to match it as text, write `\\{shown}`")
        }
        Some(_) => format!("{kind}, at `{shown}`"),
    }
}

fn no_unicode(what: &str) -> String {
    format!(
        "`{what}` needs Unicode tables that summon leaves out; write `\\w`, or list the characters, \
         as in `[a-zäöü]`"
    )
}

fn name_groups(hir: &Hir, groups: &mut Vec<String>) {
    match hir.kind() {
        HirKind::Capture(capture) => {
            groups.extend(capture.name.as_deref().map(str::to_owned));
            name_groups(&capture.sub, groups);
        }
        HirKind::Repetition(repetition) => name_groups(&repetition.sub, groups),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().for_each(|part| name_groups(part, groups));
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => {}
    }
}

/// Checks whether a pattern matches the empty text. No search is needed, since each assertion is then
/// either true or false.
fn matches_empty(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty => true,
        HirKind::Literal(_) | HirKind::Class(_) => false,
        HirKind::Look(look) => match look {
            Look::Start | Look::End | Look::StartLF | Look::EndLF => true,
            Look::StartCRLF | Look::EndCRLF => true,
            Look::WordAscii | Look::WordUnicode => false,
            Look::WordStartAscii | Look::WordStartUnicode => false,
            Look::WordEndAscii | Look::WordEndUnicode => false,
            // The empty text has no word on either side.
            Look::WordAsciiNegate | Look::WordUnicodeNegate => true,
            Look::WordStartHalfAscii | Look::WordStartHalfUnicode => true,
            Look::WordEndHalfAscii | Look::WordEndHalfUnicode => true,
        },
        HirKind::Repetition(repetition) => repetition.min == 0 || matches_empty(&repetition.sub),
        HirKind::Capture(capture) => matches_empty(&capture.sub),
        HirKind::Concat(parts) => parts.iter().all(matches_empty),
        HirKind::Alternation(parts) => parts.iter().any(matches_empty),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Valid, invalid, and doubtful patterns.
    const PATTERNS: &[&str] = &[
        "",
        "^$",
        "^ready$",
        "ready to accept connections",
        r"listening on (?<host>[^:]+):(?P<port>\d+)$",
        "a|",
        "(a|b)?",
        "(?:a*)+",
        "a{0}",
        "a{0,3}b",
        "x{2,1}",
        "x{2",
        "x{,2}",
        "a**",
        "*",
        "(?",
        "(?<port",
        "(?<a>x)(?<a>y)",
        "(up",
        "up)",
        "[z-a]",
        "[^a]",
        "[a",
        "[[:alpha:]]",
        "[a&&b]",
        ".",
        r"\",
        r"\q",
        r"\xff",
        r"\x{fff}",
        r"\w\d\s",
        r"\b",
        r"\B",
        r"\bup\b",
        r"\b{start}",
        r"\b{end-half}",
        r"\A\z",
        r"\pL",
        r"\p{Greek}",
        "ä+",
        "(?i)ä",
        "[✓✔]",
        r"ä\w\b",
        r"ä\d\s\B",
        r"ä\p{Greek}",
        r"ä\xff",
        "(?-u)ä",
        r"(?-u:\xff)ä",
        "(?iu)ä",
        "(?u)x",
        "(?u).",
        r"(?u)\w",
        r"(?u)\pL",
        r"(?u)\b",
        r"(?u)\B",
        "(?u)[^a]",
        "(?x) a # comment",
        "(?mR)^$",
        "(?=a)",
        r"(a)\1",
        "{port}",
        "on port {port}",
        "a{port}",
        "((((((((((a))))))))))",
    ];

    /// Compiles a pattern as `summon::output` does.
    fn compiled(pattern: &str) -> Result<regex::bytes::Regex, regex::Error> {
        regex::bytes::RegexBuilder::new(pattern)
            .unicode(!pattern.is_ascii())
            .build()
    }

    #[test]
    fn a_pattern_is_valid_if_regex_compiles_it() {
        for pattern in PATTERNS {
            match (read(pattern), compiled(pattern)) {
                (Ok(here), Ok(there)) => {
                    let matches_empty_line = there.is_match(b"");
                    assert_eq!(here.matches_empty_line, matches_empty_line, "{pattern}");
                    let groups: Vec<_> = there.capture_names().flatten().collect();
                    assert_eq!(here.groups, groups, "{pattern}");
                }
                (Err(_), Err(_)) => {}
                (here, there) => panic!("{pattern}: {:?} and {there:?}", here.err()),
            }
        }
    }

    #[test]
    fn patterns_that_match_no_line_are_found() {
        let never = |pattern| read(pattern).unwrap().never;
        for pattern in [
            r".*Ready.*\n",
            "ready\n",
            r"(a|b)\r\n",
            r"ready\x0a",
            r"(ready\n)+",
            r"[\r\n]ready",
            r"\x1b\[32mready",
            "[a&&b]",
            "ready$.",
            "a^b",
            "(?m)ready$\nup",
            r"ready\z!",
            "(a|b)(?:^c)",
            "(x$|y$)z",
            r"✔\n",
        ] {
            assert!(never(pattern).is_some(), "{pattern:?}");
        }
        for pattern in [
            r"ready\r?$",
            r"ready[\r\n]*",
            r"ready\s",
            r"ready\n|up",
            "^ready$",
            "(^|x)ready($|!)",
            "a(^|b)",
            "(?m)^ready$",
            "$|up",
            r"\bready\b",
            "ready\t",
            r"\x00ready",
            "[^a]",
            "✔",
        ] {
            assert_eq!(never(pattern), None, "{pattern:?}");
        }
    }

    #[test]
    fn deep_patterns_are_valid_if_regex_compiles_them() {
        for depth in [200, 300] {
            let pattern = format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
            assert_eq!(
                read(&pattern).is_ok(),
                compiled(&pattern).is_ok(),
                "{depth}"
            );
        }
    }

    #[test]
    fn errors_name_the_place_and_the_remedy() {
        let why = |pattern| read(pattern).err().unwrap();
        assert_eq!(
            why("listening (on port"),
            "is not a valid regular expression: unclosed group, at `(on port`; to match it as text, \
             write `\\(on port`"
        );
        assert_eq!(
            why("[z-a]"),
            "is not a valid regular expression: invalid character class range, the start must be <= \
             the end, at `z-a]`"
        );
        assert!(why("on {port}").contains("does not replace placeholders such as `{port}` here"));
        assert!(why(r"\p{Greek}").contains(r"`\p{Greek}` needs Unicode"));
        assert!(why("ä(").ends_with(r"`\(`"));
        assert!(why("(?ä)").contains("at `ä)`"));
    }
}
