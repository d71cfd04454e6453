//! The patterns that lines are compared with.

use std::fmt;
use std::sync::OnceLock;

use regex::bytes::{Captures, Regex, RegexBuilder};

use summon_syntax::pattern;

use crate::error::is_obeyed;

/// A regular expression for lines. An automaton for bytes is built much faster than an automaton
/// for characters, and is enough for most lines and patterns, which are ASCII. The automaton for
/// characters is built when the first line needs it.
#[derive(Clone)]
pub(crate) struct Pattern {
    text: String,
    /// `None` if the pattern has non-ASCII characters.
    bytes: Option<Regex>,
    characters: OnceLock<Option<Regex>>,
}

/// Compiles a regular expression for a text of several lines, or explains its mistake.
pub(crate) fn of_text(text: &str) -> Result<Regex, String> {
    pattern::read(text)?;
    compiled(text)
}

impl Pattern {
    /// Compiles a pattern, or explains its mistake.
    pub(crate) fn new(text: &str) -> Result<Pattern, String> {
        if let Some(never) = pattern::read(text)?.never {
            return Err(never.to_owned());
        }
        let regex = compiled(text)?;
        let (bytes, characters) = match text.is_ascii() {
            true => (Some(regex), OnceLock::new()),
            false => (None, OnceLock::from(Some(regex))),
        };
        Ok(Pattern {
            text: text.to_owned(),
            bytes,
            characters,
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the names of the groups.
    pub(crate) fn names(&self) -> Vec<&str> {
        let regex = self.any();
        regex.map_or_else(Vec::new, |it| it.capture_names().flatten().collect())
    }

    pub(super) fn has_groups(&self) -> bool {
        self.any().is_some_and(|it| it.captures_len() > 1)
    }

    /// Returns whether the pattern matches within `text`, the beginning of a line, regardless of later
    /// output. A pattern with groups needs the whole line, since more text could change the groups.
    pub(super) fn is_match_so_far(&self, text: &[u8]) -> bool {
        // A word character, and another character. An assertion that holds before both also holds
        // at the line's end.
        let longer = b"0 ".map(|next| [text, &[next]].concat());
        let is_certain = |regex: &Regex| {
            let end = |line: &Vec<u8>| regex.shortest_match(line);
            longer
                .iter()
                .all(|line| end(line).is_some_and(|end| end <= text.len()))
        };
        let mut regexes = self.regexes(text).into_iter().flatten();
        !self.has_groups() && regexes.any(is_certain)
    }

    /// Returns whether a finished line matches.
    pub(crate) fn is_match(&self, line: &[u8]) -> bool {
        self.find(line, |regex, line| regex.is_match(line).then_some(()))
            .is_some()
    }

    /// Returns the values of the named groups in a matching line.
    pub(crate) fn values(&self, line: &[u8]) -> Vec<(String, String)> {
        let values = |regex: &Regex, line: &[u8]| {
            let groups = regex.captures(line)?;
            let names = regex.capture_names().flatten();
            let values = names.filter_map(|name| Some((name.to_owned(), value(&groups, name)?)));
            Some(values.collect())
        };
        self.find(line, values).unwrap_or_default()
    }

    /// Searches the line, and then the line without its invisible parts.
    fn find<T>(&self, line: &[u8], look: impl Fn(&Regex, &[u8]) -> Option<T>) -> Option<T> {
        let find = |line: &[u8]| {
            let regexes = self.regexes(line);
            if let Some(found) = regexes.into_iter().flatten().find_map(|it| look(it, line)) {
                return Some(found);
            }
            // Invalid bytes count as an unknown character.
            let text = String::from_utf8_lossy(line);
            let is_other = text.len() != line.len();
            is_other.then(|| look(self.characters()?, text.as_bytes()))?
        };
        find(line).or_else(|| find(&seen(line)?))
    }

    /// Returns the regular expressions for a line, best first.
    fn regexes(&self, line: &[u8]) -> [Option<&Regex>; 2] {
        match &self.bytes {
            Some(bytes) if line.is_ascii() => [Some(bytes), None],
            bytes => [self.characters(), bytes.as_ref()],
        }
    }

    fn any(&self) -> Option<&Regex> {
        self.bytes.as_ref().or_else(|| self.characters())
    }

    fn characters(&self) -> Option<&Regex> {
        // This automaton may exceed the size limit.
        let made = self.characters.get_or_init(|| build(&self.text, true).ok());
        made.as_ref()
    }
}

/// Compiles a valid pattern, unless it exceeds the size limit.
fn compiled(text: &str) -> Result<Regex, String> {
    build(text, !text.is_ascii()).map_err(|error| format!("can't be compiled: {error}"))
}

fn build(text: &str, is_unicode: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).unicode(is_unicode).build()
}

fn value(groups: &Captures<'_>, name: &str) -> Option<String> {
    let value = groups.name(name)?.as_bytes();
    Some(String::from_utf8_lossy(value).into_owned())
}

/// Returns the line without trailing blanks and invisible characters. `None` if it has none of
/// these.
fn seen(line: &[u8]) -> Option<Vec<u8>> {
    // Most lines are plain. This check byte by byte is fast in debug builds too.
    let is_plain = |byte: &u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t');
    if line.iter().all(is_plain) && !line.last().is_some_and(u8::is_ascii_whitespace) {
        return None;
    }
    let mut seen = Vec::with_capacity(line.len());
    for chunk in line.utf8_chunks() {
        let chars = chunk.valid().chars().filter(|c| !is_obeyed(*c));
        chars.for_each(|c| seen.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()));
        seen.extend_from_slice(chunk.invalid());
    }
    // Trailing blanks include non-ASCII ones.
    if let Some(last) = seen
        .utf8_chunks()
        .last()
        .filter(|it| it.invalid().is_empty())
    {
        let blanks = last.valid().len() - last.valid().trim_end().len();
        seen.truncate(seen.len() - blanks);
    }
    (seen.len() != line.len()).then_some(seen)
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}
