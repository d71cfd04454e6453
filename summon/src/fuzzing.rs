//! What the targets in `fuzz` see, beside what everybody does. Nothing here is stable.

pub use crate::guard::fuzzing as guard;
pub use crate::probe::http_fuzzing as http;

use std::ffi::OsString;
use std::time::Duration;

use crate::command::Command;
use crate::exit_codes::ExitCodes;
use crate::limit::Limit;
use crate::output::{self, Lines};
use crate::size::Size;

/// The words of a command, and the name that its program gives.
pub fn words(command: &Command) -> Result<(Vec<OsString>, Option<String>), String> {
    Ok((command.words()?, command.stem()))
}

/// The length of time that a text or a number means.
pub fn duration(limit: &Limit) -> Result<Duration, String> {
    limit.get()
}

/// The number of bytes that a text or a number means.
pub fn bytes(size: &Size) -> Result<u64, String> {
    size.get()
}

/// Whether a process may end with that code.
pub fn allow(codes: &ExitCodes, code: i32) -> bool {
    codes.allow(code)
}

/// A banner, as it is compiled.
pub fn pattern(text: &str) -> Result<Pattern, String> {
    output::Pattern::new(text).map(Pattern)
}

/// What lines are compared with.
#[derive(Debug)]
pub struct Pattern(output::Pattern);

impl Pattern {
    /// Whether a line matches.
    pub fn is_match(&self, line: &[u8]) -> bool {
        self.0.is_match(line)
    }

    /// The names of its groups.
    pub fn names(&self) -> Vec<&str> {
        self.0.names()
    }

    /// What the groups are in a line.
    pub fn values(&self, line: &[u8]) -> Vec<(String, String)> {
        self.0.values(line)
    }
}

/// The lines that match, of output that comes in those pieces.
pub fn matching<'a>(pattern: &Pattern, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let mut lines = Lines::default();
    let mut found = Vec::new();
    for piece in pieces {
        lines.add(piece);
        found.extend(std::iter::from_fn(|| lines.take(&pattern.0)));
    }
    found
}

/// What a terminal shows of that output: lines that end in a line feed.
pub fn shown(output: &[u8]) -> Vec<u8> {
    output::shown(output)
}
