//! Texts from programs and users, as a terminal may show them.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{self, Write};

/// Escapes text so that a terminal shows each character and obeys none, and that GitHub's runner obeys
/// no command in it. All text from programs passes here exactly once before summon prints it: in
/// reports, in progress messages, and in live output.
pub(crate) struct Escaped<W> {
    to: W,
    commands: Option<Commands>,
}

impl<W: Write> Escaped<W> {
    /// The text begins a line.
    pub(crate) fn new(to: W) -> Escaped<W> {
        let commands = is_on_github().then(Commands::default);
        Escaped { to, commands }
    }
}

impl<W: Write> Write for Escaped<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        let commands = &mut self.commands;
        while let Some(at) = rest.find(|c| {
            let is_command = commands.as_mut().is_some_and(|it| it.begins(c));
            is_command || is_obeyed(c) && c != '\n'
        }) {
            let (plain, from) = rest.split_at(at);
            self.to.write_str(plain)?;
            let mut chars = from.chars();
            match chars.next() {
                Some(c) if is_obeyed(c) => write!(self.to, "{}", c.escape_default())?,
                Some(c) => write!(self.to, "{}", c.escape_unicode())?,
                None => {}
            }
            rest = chars.as_str();
        }
        self.to.write_str(rest)
    }
}

/// Returns whether GitHub's runner reads the output.
pub(crate) fn is_on_github() -> bool {
    std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// Finds the beginnings of commands for GitHub's runner: `::` after blanks at the beginning of a line,
/// and `##[` anywhere
/// (<https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs>).
#[derive(Debug, Default)]
struct Commands {
    before: Before,
    /// The number of `#` right before.
    hashes: usize,
}

/// The text of the line so far.
#[derive(Debug, Default)]
enum Before {
    #[default]
    Blanks,
    /// A colon after blanks.
    Colon,
    Text,
}

impl Commands {
    /// Returns whether a command begins with this character as the last one.
    fn begins(&mut self, c: char) -> bool {
        let (before, is_command) = match (&self.before, c) {
            (_, '\n') => (Before::Blanks, false),
            (Before::Blanks, ':') => (Before::Colon, false),
            // A blank that is escaped is none.
            (Before::Blanks, c) if c.is_whitespace() && !is_obeyed(c) => (Before::Blanks, false),
            (Before::Colon, ':') => (Before::Text, true),
            (_, '[') => (Before::Text, self.hashes >= 2),
            _ => (Before::Text, false),
        };
        self.before = before;
        self.hashes = if c == '#' { self.hashes + 1 } else { 0 };
        is_command
    }
}

/// Returns a text with the escapes of [`Escaped`].
pub(crate) fn escaped(text: impl fmt::Display) -> String {
    let mut escaped = String::new();
    let _ = write!(Escaped::new(&mut escaped), "{text}");
    escaped
}

/// Returns whether a terminal acts on a character or hides it:
///
/// - control characters of ASCII and of Unicode (C1), and line separators
/// - characters that change the direction of text
///   (<https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>)
/// - invisible characters, such as the byte order mark (`Default_Ignorable_Code_Point` in
///   <https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt>). Variation selectors are an
///   exception, since they choose the shape of the character before them.
pub(crate) fn is_obeyed(c: char) -> bool {
    match c {
        '\t' | '\u{fe00}'..='\u{fe0f}' => false,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => {
            true
        }
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => true,
        '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' => true,
        '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' => true,
        '\u{e0000}'..='\u{e0fff}' => true,
        c => c.is_control(),
    }
}

/// How much of a line a report shows.
const LONGEST: usize = 1024;

/// Returns the beginning of a line, and says how much is left out.
pub(crate) fn shortened(line: &[u8]) -> Cow<'_, str> {
    shortened_to(LONGEST, line)
}

/// Like [`shortened`], with another length.
pub(crate) fn shortened_to(longest: usize, line: &[u8]) -> Cow<'_, str> {
    if line.len() <= longest {
        return String::from_utf8_lossy(line);
    }
    // Not within a character, which has at most four bytes.
    let is_inner = |at: &usize| line[*at] & 0xc0 == 0x80;
    let kept = (longest - 3..=longest).rev().find(|at| !is_inner(at));
    let (shown, rest) = line.split_at(kept.unwrap_or(longest));
    let bytes = if rest.len() == 1 { "byte" } else { "bytes" };
    let count = with_commas(rest.len());
    Cow::Owned(format!(
        "{} .. {count} more {bytes}",
        String::from_utf8_lossy(shown)
    ))
}

/// Writes a number as `64,512`.
fn with_commas(number: usize) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", with_commas(number / 1000), number % 1000),
    }
}

/// Returns a command as a user would type it. Quotes words that a shell would split or change.
pub(crate) fn shown_command<'a>(words: impl IntoIterator<Item = &'a OsStr>) -> String {
    let words: Vec<String> = words
        .into_iter()
        .map(|word| {
            let word = word.to_string_lossy();
            summon_syntax::shell::quote(&word).into_owned()
        })
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_shortened_between_two_characters() {
        let text = |length| "x".repeat(length);
        assert_eq!(shortened(text(1024).as_bytes()), text(1024));
        let shown = text(1024) + " .. 1 more byte";
        assert_eq!(shortened(text(1025).as_bytes()), shown);
        let shown = text(1024) + " .. 64,512 more bytes";
        assert_eq!(shortened(text(65_536).as_bytes()), shown);
        let line = text(1022) + "\u{2714}" + &text(1_000_000);
        let shown = text(1022) + " .. 1,000,003 more bytes";
        assert_eq!(shortened(line.as_bytes()), shown);
        // No text at all.
        assert_eq!(
            shortened_to(4, &[0x80; 6]),
            "\u{fffd}\u{fffd}\u{fffd}\u{fffd} .. 2 more bytes"
        );
    }

    #[test]
    fn a_runner_obeys_nothing_in_a_text() {
        // In pieces, as `write!` passes them.
        let escaped = |text: &str, piece: usize| {
            let mut to = String::new();
            let mut escaped = Escaped {
                to: &mut to,
                commands: Some(Commands::default()),
            };
            let chars: Vec<char> = text.chars().collect();
            for piece in chars.chunks(piece) {
                let piece: String = piece.iter().collect();
                escaped.write_str(&piece).unwrap();
            }
            to
        };
        for (text, shown) in [
            ("::error::x", r":\u{3a}error::x"),
            ("a\n \t\u{a0}::debug::", "a\n \t\u{a0}:\\u{3a}debug::"),
            ("##[group]", r"##\u{5b}group]"),
            ("| a ###[add-mask]b", r"| a ###\u{5b}add-mask]b"),
            ("a::b # #[c] ##d[e] a : :", "a::b # #[c] ##d[e] a : :"),
            (": : x\n:\n:", ": : x\n:\n:"),
            ("\r::x", r"\r::x"),
        ] {
            for piece in [1, 2, 100] {
                assert_eq!(escaped(text, piece), shown, "{text:?} by {piece}");
            }
            // A text may be escaped twice.
            assert_eq!(escaped(shown, 100), shown);
        }
    }
}
