//! The end of a log, for a report.

use std::fs::File;
use std::io;
use std::ops::Range;

use super::holes;

/// A report reads at most so much from the end of a log.
pub(crate) const LONGEST: u64 = 64 * 1024;
const CHUNK: u64 = 256 * 1024;

/// The end of a part of a log, and how many lines the whole part has.
pub(crate) fn read(log: &File, range: Range<u64>) -> io::Result<(Vec<u8>, usize)> {
    let start = range.start.max(range.end.saturating_sub(LONGEST));
    let before = count_lines(log, range.start..start)?;
    let mut bytes = Vec::new();
    holes::read_part(log, start..range.end, &mut bytes)?;
    let partial = bytes.last().is_some_and(|last| *last != b'\n');
    let lines = before + bytes.iter().filter(|byte| **byte == b'\n').count();
    Ok((bytes, lines + usize::from(partial)))
}

fn count_lines(log: &File, range: Range<u64>) -> io::Result<usize> {
    let mut lines = 0;
    for part in holes::data(log, range) {
        let mut at = part.start;
        while at < part.end {
            let mut bytes = Vec::new();
            holes::read_part(log, at..part.end.min(at + CHUNK), &mut bytes)?;
            if bytes.is_empty() {
                break;
            }
            at += bytes.len() as u64;
            lines += bytes.iter().filter(|byte| **byte == b'\n').count();
        }
    }
    Ok(lines)
}
