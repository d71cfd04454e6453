//! Reads the end of a log, for a report.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::holes;
use crate::error::{Count, SinceReady, Source, Tail};

/// The most bytes that a report reads from the end of a log.
pub(crate) const LONGEST: u64 = 64 * 1024;
/// The most bytes to count lines in. Counting a longer flood would make the user wait.
const COUNTED: u64 = 1024 * 1024;

/// Reads the end of a part of a log. If the program became ready in this part, at `ready_at`, the
/// lines since then are counted apart.
pub(crate) fn of(source: Arc<dyn Source>, part: Range<u64>, ready_at: Option<u64>) -> Tail {
    let log = source.file();
    let (bytes, lines) = read(log, part.clone()).unwrap_or_default();
    let ready_at = ready_at.filter(|at| *at > part.start);
    let since_ready = ready_at.map(|at| {
        let at = at.min(part.end);
        // The program may go on writing. All reads stop at `part.end`, so the counts fit together.
        let (later, lines) = read(log, at..part.end).unwrap_or_default();
        SinceReady {
            bytes: later.len(),
            lines,
            before: count(log, part.start..at).unwrap_or_default(),
        }
    });
    Tail {
        bytes,
        lines,
        since_ready,
        excerpt: None,
        source,
    }
}

/// Reads the end of a part of a log, and counts the lines of the whole part.
fn read(log: &File, part: Range<u64>) -> io::Result<(Vec<u8>, Count)> {
    let start = part.start.max(part.end.saturating_sub(LONGEST));
    let mut bytes = Vec::new();
    holes::read_part(log, start..part.end, &mut bytes)?;
    let mut lines = count(log, part)?;
    // A last line without a line feed is a line too.
    lines.lines += usize::from(bytes.last().is_some_and(|last| *last != b'\n'));
    Ok((bytes, lines))
}

/// Counts the lines that end in a part of a log.
fn count(log: &File, part: Range<u64>) -> io::Result<Count> {
    let start = part.start.max(part.end.saturating_sub(COUNTED));
    let (mut lines, mut at) = (0, start);
    let mut is_more = start > part.start;
    for data in holes::data(log, start..part.end) {
        // A hole had lines too, which can't be counted any more.
        is_more |= data.start > at;
        let mut bytes = Vec::new();
        // The guard may punch this part between the two calls. It then reads as zeroes, which have
        // no line feeds, so the count is too low.
        holes::read_part(log, data.clone(), &mut bytes)?;
        lines += bytes.iter().filter(|byte| **byte == b'\n').count();
        at = data.end;
    }
    Ok(Count { lines, is_more })
}
