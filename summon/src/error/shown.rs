//! Texts from programs and users, as a terminal may show them.

use std::ffi::OsStr;
use std::fmt::{self, Write};

/// Escapes text so that a terminal shows each character and obeys none. All text from programs passes
/// here exactly once before summon prints it: in reports, in progress messages, and in live output.
pub(crate) struct Escaped<W>(pub(crate) W);

impl<W: Write> Write for Escaped<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(|c| is_obeyed(c) && c != '\n') {
            let (plain, from) = rest.split_at(at);
            self.0.write_str(plain)?;
            let mut chars = from.chars();
            if let Some(c) = chars.next() {
                write!(self.0, "{}", c.escape_default())?;
            }
            rest = chars.as_str();
        }
        self.0.write_str(rest)
    }
}

/// Returns a text with the escapes of [`Escaped`].
pub(crate) fn escaped(text: impl fmt::Display) -> String {
    let mut escaped = String::new();
    let _ = write!(Escaped(&mut escaped), "{text}");
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
