//! The end of a program's output, for a report.

use std::fmt::{self, Write};
use std::fs::File;
use std::panic::RefUnwindSafe;
use std::path::Path;
use std::sync::Arc;

use super::fold::{self, Row};
use super::shown::shortened;

/// The maximum number of rows of output in a report.
const SHOWN: usize = 20;

/// Returns the last rows of output that a report shows.
pub(super) fn last_rows(text: &str) -> Vec<Row<'_>> {
    // Where all lines have room, a line that is like others may still be the one that matters.
    if text.lines().count() <= SHOWN {
        return text.lines().map(Row::Line).collect();
    }
    let mut rows = fold::rows(text);
    let mut hidden = rows.len().saturating_sub(SHOWN);
    // A count needs its example above it.
    if matches!(rows.get(hidden), Some(Row::Like(_))) {
        hidden += 1;
    }
    rows.split_off(hidden)
}

/// The end of a program's output.
#[derive(Clone)]
pub(crate) struct Tail {
    pub(crate) bytes: Vec<u8>,
    /// The number of lines of the whole output.
    pub(crate) lines: Count,
    /// The part since the program became ready, if it had written output before that.
    pub(crate) since_ready: Option<SinceReady>,
    /// The lines to show instead of the last lines.
    pub(crate) excerpt: Option<Excerpt>,
    pub(crate) source: Arc<dyn Source>,
}

/// A line of output with the lines around it.
#[derive(Clone, Debug)]
pub(crate) struct Excerpt {
    /// Shortened where they are long.
    pub(crate) lines: Vec<String>,
    /// The index of the line that matters.
    pub(crate) marked: usize,
}

/// The part of a tail that a program wrote since it became ready.
#[derive(Clone, Copy)]
pub(crate) struct SinceReady {
    /// The number of bytes of this part, at the end of the tail.
    pub(crate) bytes: usize,
    pub(crate) lines: Count,
    /// The number of lines before this part.
    pub(crate) before: Count,
}

/// A number of lines. In very long output, summon does not count all lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) lines: usize,
    pub(crate) is_more: bool,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.is_more { "more than " } else { "" };
        let lines = if self.lines == 1 { "line" } else { "lines" };
        write!(f, "{more}{} {lines}", self.lines)
    }
}

/// The file with the whole output. It stays if a report has shown its path.
pub(crate) trait Source: Send + Sync + RefUnwindSafe {
    fn path(&self) -> &Path;
    fn file(&self) -> &File;
    fn name_it(&self);
    /// Returns the length of the file when the program first became ready.
    fn ready_at(&self) -> Option<u64> {
        None
    }
}

impl Tail {
    pub(super) fn show(&self, f: &mut impl Write) -> fmt::Result {
        self.source.name_it();
        let path = self.source.path().display();
        if let Some(excerpt) = &self.excerpt {
            write!(f, "\n  output    the lines around it, {path}")?;
            for (index, line) in excerpt.lines.iter().enumerate() {
                let mark = if index == excerpt.marked { '>' } else { '|' };
                show_line(f, mark, line)?;
            }
            return Ok(());
        }
        if self.bytes.is_empty() {
            return write!(f, "\n  output    none, {path}");
        }
        // The output of the boot is the same in each test, and rarely explains why a test failed.
        let (part, all, which) = match self.since_ready {
            Some(part) if part.bytes == 0 => {
                let before = "none since it was ready; before that, ".to_owned();
                (self.bytes.len(), self.lines, before)
            }
            Some(part) if part.before.lines > 0 => {
                let which = format!("since it was ready ({} before), ", part.before);
                (part.bytes, part.lines, which)
            }
            _ => (self.bytes.len(), self.lines, String::new()),
        };
        let text = String::from_utf8_lossy(&self.bytes[self.bytes.len().saturating_sub(part)..]);
        let shown = last_rows(&text);
        let count: usize = shown.iter().map(Row::lines).sum();
        write!(f, "\n  output    {which}last {count} of {all}, {path}")?;
        for row in shown {
            show_line(f, '|', &shortened(row.text().as_bytes()))?;
        }
        Ok(())
    }
}

fn show_line(f: &mut impl Write, mark: char, line: &str) -> fmt::Result {
    // An empty line gets no trailing space, which editors would strip from snapshots.
    let gap = if line.is_empty() { "" } else { " " };
    write!(f, "\n            {mark}{gap}{line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fold_only_if_there_is_no_room() {
        let shown = |ok: usize| {
            let text = "status 200\n".repeat(ok) + "status 500\n";
            let rows = last_rows(&text);
            rows.iter().map(|row| row.text().into_owned()).collect()
        };
        let few: Vec<String> = shown(19);
        assert_eq!((few.len(), few[19].as_str()), (20, "status 500"));
        let many: Vec<String> = shown(20);
        assert_eq!(many, ["status 200", ".. 19 lines like this", "status 500"]);
        let rows = last_rows(&"status 200\n".repeat(21)).len();
        assert_eq!(rows, 2);
    }
}
