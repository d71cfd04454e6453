//! What the targets in `fuzz` see, beside what everybody does. Nothing here is stable.

pub use crate::probe::http_fuzzing as http;
pub use crate::sys::guard::fuzzing as guard;

use std::ffi::OsString;
use std::time::Duration;

use regex::bytes::Regex;

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
pub fn pattern(text: &str) -> Result<Regex, String> {
    output::pattern(text)
}

/// The lines that match, of output that comes in those pieces.
pub fn matching<'a>(pattern: &Regex, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let mut lines = Lines::default();
    let mut found = Vec::new();
    for piece in pieces {
        lines.add(piece);
        found.extend(std::iter::from_fn(|| lines.take(pattern)));
    }
    found
}
