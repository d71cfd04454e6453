//! Texts with placeholders: `{port}`, `{port:admin}`, `{redis.port}`, `{redis.port:admin}`.
//!
//! Only these forms, of words, are placeholders. `{{` is a brace. `${word}` stays for a shell to
//! expand. All other braces, such as those in JSON, are literal text.

use std::borrow::Cow;
use std::fmt;

use crate::words;

/// The placeholders of every process. `summon` knows their values in `process/placeholders.rs`.
pub const WORDS: [&str; 5] = ["port", "host", "dir", "name", "url"];

/// The further placeholders of a node. `summon` knows their values in `process/nodes.rs`.
pub const WORDS_OF_NODES: [&str; 5] = ["index", "peers", "others", "link", "link_port"];

/// Whether a placeholder of a node may have the label of a port, as in `{peers:admin}`.
pub fn lists_ports(word: &str) -> bool {
    matches!(word, "peers" | "others")
}

/// A part of a text.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Part<'a> {
    /// Text without placeholders.
    Literal(&'a str),
    /// `{word}`
    Own(&'a str),
    /// `{word:label}`
    Labelled(&'a str, &'a str),
    /// `{process.word}`
    Other(&'a str, &'a str),
    /// `{process.word:label}`
    OtherLabelled(&'a str, &'a str, &'a str),
}

/// The part as it is written.
impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Literal(text) => f.write_str(text),
            Part::Own(word) => write!(f, "{{{word}}}"),
            Part::Labelled(word, label) => write!(f, "{{{word}:{label}}}"),
            Part::Other(process, word) => write!(f, "{{{process}.{word}}}"),
            Part::OtherLabelled(process, word, label) => {
                write!(f, "{{{process}.{word}:{label}}}")
            }
        }
    }
}

/// Explains that a process can't use a placeholder in its own texts, because a group of its banner sets
/// the value only after the start.
pub fn too_early(placeholder: Part<'_>, group: &str) -> String {
    let instead = match group == "port" || group.starts_with("port_") {
        true => format!(
            "to get a free port from summon, remove the group from the banner; if the program chooses \
             the port, remove `{placeholder}`, or write 0 in its place"
        ),
        false => "remove one of them".to_owned(),
    };
    format!(
        "`{placeholder}` needs its value before the start, but `(?<{group}>..)` in the banner sets it \
         after the start; {instead}"
    )
}

/// Explains that a placeholder does not exist. `further` lists the groups in the banner of its process, and
/// the words of a node. `other` is the name of another process, for an example.
pub fn unknown<'a>(
    placeholder: Part<'_>,
    further: impl IntoIterator<Item = &'a str>,
    other: &str,
) -> String {
    let further = further.into_iter().filter(|word| !WORDS.contains(word));
    let words: Vec<&str> = WORDS.into_iter().chain(further).collect();
    if let Part::Own(word) | Part::Labelled(word, _) = placeholder {
        if WORDS_OF_NODES.contains(&word) && !words.contains(&word) {
            return format!(
                "`{placeholder}` is a placeholder of nodes; start several with `nodes = 3`, or write \
                 `{{{placeholder}` to keep the text"
            );
        }
    }
    let prefix = match placeholder {
        Part::Other(process, _) | Part::OtherLabelled(process, ..) => format!("{process}."),
        _ => String::new(),
    };
    let words = words.into_iter();
    let mut known: Vec<_> = words.map(|word| format!("`{{{prefix}{word}}}`")).collect();
    if let Part::Other(process, _) | Part::OtherLabelled(process, ..) = placeholder {
        let known = words::list(&known);
        return format!("`{placeholder}` is not a placeholder; `{process}` has {known}");
    }
    known.insert(1, "`{port:label}` for a further port".to_owned());
    known.push(format!("`{{{other}.port}}` for another process"));
    format!(
        "`{placeholder}` is not a placeholder; there are {}; write `{{{placeholder}` to keep the text",
        words::list(&known)
    )
}

/// Explains that a placeholder needs one node, and names a cluster.
pub fn of_cluster(cluster: &str, placeholder: Part<'_>) -> String {
    let (word, label) = match placeholder {
        Part::Other(_, word) => (word, String::new()),
        Part::OtherLabelled(_, word, label) => (word, format!(":{label}")),
        Part::Literal(_) | Part::Own(_) | Part::Labelled(..) => ("port", String::new()),
    };
    let is_known = WORDS.contains(&word) || WORDS_OF_NODES.contains(&word);
    let word = if is_known { word } else { "port" };
    format!(
        "`{placeholder}` names a cluster; write `{{{cluster}-0.{word}{label}}}` for its first node, or \
         `{{{cluster}.peers}}` for the addresses of all"
    )
}

/// Returns the error of a list such as `{peers:raft}` whose label no port of the nodes has. `labels` are
/// those of the ports. `None` without labels: the nodes may then find their own port in the list.
pub fn unknown_label(list: Part<'_>, labels: &[&str]) -> Option<String> {
    let (Part::Labelled(word, label) | Part::OtherLabelled(_, word, label)) = list else {
        return None;
    };
    if !lists_ports(word) || labels.is_empty() || labels.contains(&label) {
        return None;
    }
    let known = labels.iter().map(|it| format!("{{port:{it}}}"));
    Some(format!(
        "`{list}` lists ports that no node has as `{{port:{label}}}`; the nodes have {}",
        words::list_names(known)
    ))
}

/// Lists the labels of the ports in a text: `raft` in `{port:raft}`.
pub fn labels(text: &str) -> Vec<&str> {
    let parts = parts(text).into_iter();
    let labels = parts.filter_map(|part| match part {
        Part::Labelled("port", label) => Some(label),
        _ => None,
    });
    labels.collect()
}

/// Splits a text into its parts. Never fails: braces that form no placeholder are text.
pub fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut literal = 0;
    let mut at = 0;
    while let Some(brace) = text[at..].find('{').map(|found| at + found) {
        if text[brace + 1..].starts_with('{') {
            // Keep the first brace as text, and drop the second.
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

/// Reads the placeholder that opens at `brace`, and returns the offset behind it.
fn placeholder(text: &str, brace: usize) -> Option<(Part<'_>, usize)> {
    if text[..brace].ends_with('$') {
        return None;
    }
    let close = brace + text[brace..].find('}')?;
    let inside = &text[brace + 1..close];
    let (place, label) = match inside.split_once(':') {
        Some((place, label)) => (place, Some(label)),
        None => (inside, None),
    };
    let (process, word) = match place.rsplit_once('.') {
        Some((process, word)) => (Some(process), word),
        None => (None, place),
    };
    let mut words = [process, Some(word)].into_iter().flatten();
    if !words.all(is_word) || !label.is_none_or(is_label) {
        return None;
    }
    let part = match (process, label) {
        (None, None) => Part::Own(word),
        (None, Some(label)) => Part::Labelled(word, label),
        (Some(process), None) => Part::Other(process, word),
        (Some(process), Some(label)) => Part::OtherLabelled(process, word, label),
    };
    Some((part, close + 1))
}

/// The number of a port in a container is a label too.
fn is_label(text: &str) -> bool {
    let is_number = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    is_word(text) || is_number
}

/// Checks for a letter or `_`, followed by letters, digits, `_`, and `-`, as in `redis-server`.
fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// Replaces each placeholder with its value. Returns the first error of `value`.
pub fn fill<'a, E>(
    text: &'a str,
    mut value: impl FnMut(Part<'a>) -> Result<String, E>,
) -> Result<String, E> {
    parts(text)
        .into_iter()
        .map(|part| match part {
            Part::Literal(text) => Ok(Cow::Borrowed(text)),
            placeholder => value(placeholder).map(Cow::Owned),
        })
        .collect()
}

/// Lists the processes that a text refers to: `redis` in `{redis.port}`.
pub fn references(text: &str) -> impl Iterator<Item = &str> {
    parts(text).into_iter().filter_map(|part| match part {
        Part::Other(process, _) | Part::OtherLabelled(process, ..) => Some(process),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::Part::*;
    use super::*;

    #[test]
    fn placeholders_are_parts() {
        assert_eq!(parts("--port {port}"), [Literal("--port "), Own("port")]);
        assert_eq!(parts("{port:admin}"), [Labelled("port", "admin")]);
        assert_eq!(parts("{port:15672}"), [Labelled("port", "15672")]);
        assert_eq!(
            parts("{redis-server.port}!"),
            [Other("redis-server", "port"), Literal("!")]
        );
        assert_eq!(
            parts("{node-0.port:peer}"),
            [OtherLabelled("node-0", "port", "peer")]
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
            "{a:1b}",
            "{a.b:}",
            "{a:b.c}",
            "{unclosed",
            "}",
        ] {
            let filled = fill(text, |part| Err(format!("{part:?}")));
            assert_eq!(filled.as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_doubled_brace_becomes_one_brace() {
        let filled = fill("{{port}={port}", |_| Ok::<_, ()>("1".into()));
        assert_eq!(filled.unwrap(), "{port}=1");
    }

    #[test]
    fn placeholders_in_values_stay_text() {
        let filled = fill("{name}", |_| Ok::<_, ()>("{port}".into()));
        assert_eq!(filled.unwrap(), "{port}");
    }

    #[test]
    fn a_list_of_ports_has_the_label_of_a_port() {
        let list = Labelled("peers", "rfat");
        let labels = labels("--raft {port:raft} --http {port} {peers:rfat}");
        assert_eq!(labels, ["raft"]);
        let why = unknown_label(list, &labels).unwrap();
        assert_eq!(
            why,
            "`{peers:rfat}` lists ports that no node has as `{port:rfat}`; the nodes have `{port:raft}`"
        );
        assert_eq!(unknown_label(list, &[]), None);
        assert_eq!(unknown_label(Labelled("others", "raft"), &labels), None);
        assert_eq!(unknown_label(Labelled("port", "http"), &labels), None);
    }
}
