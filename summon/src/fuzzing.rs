//! Access to internals for the targets in `fuzz`. This module is unstable.

pub use crate::guard::fuzzing as guard;
pub use crate::probe::http_fuzzing as http;

use std::ffi::OsString;
use std::time::Duration;

use crate::command::Command;
use crate::limit::Limit;
use crate::number_set::ExitCodes;
use crate::output::{self, Lines};
use crate::size::Size;

/// Returns the words of a command, and the default name of its process.
pub fn words(command: &Command) -> Result<(Vec<OsString>, Option<String>), String> {
    Ok((command.words()?, command.stem()))
}

/// Returns the duration of a limit.
pub fn duration(limit: &Limit) -> Result<Duration, String> {
    limit.get()
}

/// Returns the number of bytes of a size.
pub fn bytes(size: &Size) -> Result<u64, String> {
    size.get()
}

/// Returns whether a code counts as success.
pub fn allow(codes: &ExitCodes, code: i32) -> bool {
    codes.allow(code)
}

/// Compiles a banner.
pub fn pattern(text: &str) -> Result<Pattern, String> {
    output::Pattern::new(text).map(Pattern)
}

/// A compiled banner.
#[derive(Debug)]
pub struct Pattern(output::Pattern);

impl Pattern {
    /// Returns whether a line matches.
    pub fn is_match(&self, line: &[u8]) -> bool {
        self.0.is_match(line)
    }

    /// Returns the names of the groups.
    pub fn names(&self) -> Vec<&str> {
        self.0.names()
    }

    /// Returns the names and the values of the groups in a line.
    pub fn values(&self, line: &[u8]) -> Vec<(String, String)> {
        self.0.values(line)
    }
}

/// Returns the matching lines of output that arrives in these pieces.
pub fn matching<'a>(pattern: &Pattern, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let mut lines = Lines::default();
    let mut found = Vec::new();
    for piece in pieces {
        lines.add(piece);
        found.extend(std::iter::from_fn(|| {
            lines.take(std::slice::from_ref(&pattern.0))
        }));
    }
    found
}

/// Returns the text that a terminal would show for this output, as lines that end in a line feed.
pub fn shown(output: &[u8]) -> Vec<u8> {
    output::shown(output).into_owned()
}
