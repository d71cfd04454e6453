//! Texts with placeholders: `{port}`, `{port:admin}`, `{redis.port}`.
//!
//! Only `{word}`, `{word:word}` and `{word.word}` are placeholders. `{{` is a brace, `${word}` is
//! left to a shell, and everything else in braces, such as JSON, is literal text. The macros read
//! literals with this very file.

use std::borrow::Cow;

/// A part of a text.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) enum Part<'a> {
    Literal(&'a str),
    /// `{word}`
    Own(&'a str),
    /// `{word:label}`
    Labelled(&'a str, &'a str),
    /// `{process.word}`
    Other(&'a str, &'a str),
}

/// What is wrong with a placeholder in a process's own texts that its banner tells, and what to write.
/// `group` is the name of the banner's group.
pub(crate) fn told_too_late(place: &str, group: &str) -> String {
    let instead = match group == "port" || group.starts_with("port_") {
        true => format!(
            "for a free port from summon, leave that group out of the banner; for one that the program \
             chooses, leave `{place}` out, often with 0 in its place"
        ),
        false => "leave one of them out".to_owned(),
    };
    format!(
        "`{place}` is filled in before the start, and `(?<{group}>..)` in the banner tells it after that: \
         {instead}"
    )
}

/// Takes a text apart. It can't fail: what is no placeholder is text.
pub(crate) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut literal = 0;
    let mut at = 0;
    while let Some(brace) = text[at..].find('{').map(|found| at + found) {
        if text[brace + 1..].starts_with('{') {
            // The first brace stays as text, the second is dropped.
            push_literal(&mut parts, &text[literal..=brace]);
            literal = brace + 2;
            at = literal;
        } else if let Some((part, end)) = placeholder(text, brace) {
            push_literal(&mut parts, &text[literal..brace]);
            parts.push(part);
            literal = end;
            at = end;
        } else {
            at = brace + 1;
        }
    }
    push_literal(&mut parts, &text[literal..]);
    parts
}

fn push_literal<'a>(parts: &mut Vec<Part<'a>>, text: &'a str) {
    if !text.is_empty() {
        parts.push(Part::Literal(text));
    }
}

/// Reads the placeholder that opens at `brace`, and says where it ends.
fn placeholder(text: &str, brace: usize) -> Option<(Part<'_>, usize)> {
    if text[..brace].ends_with('$') {
        return None;
    }
    let close = brace + text[brace..].find('}')?;
    let inside = &text[brace + 1..close];
    let part = if let Some((word, label)) = inside.split_once(':') {
        (is_word(word) && is_word(label)).then_some(Part::Labelled(word, label))
    } else if let Some((process, word)) = inside.rsplit_once('.') {
        (is_word(process) && is_word(word)).then_some(Part::Other(process, word))
    } else {
        is_word(inside).then_some(Part::Own(inside))
    };
    Some((part?, close + 1))
}

/// A letter or underscore, then letters, digits, `_` and `-`, as in `redis-server`.
fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// Puts values in the places. The first value that is missing is the error.
pub(crate) fn fill<'a, E>(
    text: &'a str,
    mut value: impl FnMut(Part<'a>) -> Result<String, E>,
) -> Result<String, E> {
    parts(text)
        .into_iter()
        .map(|part| match part {
            Part::Literal(text) => Ok(Cow::Borrowed(text)),
            place => value(place).map(Cow::Owned),
        })
        .collect()
}

/// The other processes that a text speaks of.
pub(crate) fn references(text: &str) -> impl Iterator<Item = &str> {
    parts(text).into_iter().filter_map(|part| match part {
        Part::Other(process, _) => Some(process),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::Part::*;
    use super::*;

    #[test]
    fn placeholders_are_told_from_text() {
        assert_eq!(parts("--port {port}"), [Literal("--port "), Own("port")]);
        assert_eq!(parts("{port:admin}"), [Labelled("port", "admin")]);
        assert_eq!(
            parts("{redis-server.port}!"),
            [Other("redis-server", "port"), Literal("!")]
        );
        assert_eq!(parts(""), []);
    }

    #[test]
    fn other_braces_are_text() {
        for text in [
            r#"{"a": {"b": 1}}"#,
            "{}",
            "{ port }",
            "{1}",
            "a{3}",
            "${HOME}",
            "{a.b.c}",
            "{a:}",
            "{unclosed",
            "}",
        ] {
            let filled = fill(text, |part| Err(format!("{part:?}")));
            assert_eq!(filled.as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_doubled_brace_is_a_brace() {
        let filled = fill("{{port}={port}", |_| Ok::<_, ()>("1".into()));
        assert_eq!(filled.unwrap(), "{port}=1");
    }

    #[test]
    fn a_value_is_not_looked_at_again() {
        let filled = fill("{name}", |_| Ok::<_, ()>("{port}".into()));
        assert_eq!(filled.unwrap(), "{port}");
    }
}
