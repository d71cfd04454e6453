//! What a process has written: the log on disk, and the search for lines in it.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use regex::bytes::Regex;

use crate::error::{Source, Tail};
use crate::session::Log;
use crate::sys::holes;

/// A report reads at most so much from the end of a log.
const TAIL: u64 = 64 * 1024;
/// Of a line without an end, only so much is searched again when more of it comes.
const LONG_LINE: usize = 64 * 1024;
const CHUNK: u64 = 256 * 1024;

/// How long a log is.
pub(crate) fn length(log: &File) -> u64 {
    log.metadata().map_or(0, |log| log.len())
}

/// Everything that is in the log from an offset on.
pub(crate) fn read_all(log: &File, from: u64) -> Vec<u8> {
    holes::read(log, from..length(log).max(from)).unwrap_or_default()
}

/// The end of the log, for a report, as of the offset where this run began.
pub(crate) fn tail(source: Arc<dyn Source>, from: u64) -> Tail {
    let log = source.file();
    let read = || -> io::Result<(Vec<u8>, usize)> {
        let length = length(log).max(from);
        let start = from.max(length.saturating_sub(TAIL));
        let before = count_lines(log, from..start)?;
        let mut bytes = Vec::new();
        holes::read_part(log, start..length, &mut bytes)?;
        let partial = bytes.last().is_some_and(|last| *last != b'\n');
        let lines = before + bytes.iter().filter(|byte| **byte == b'\n').count();
        Ok((bytes, lines + usize::from(partial)))
    };
    let (bytes, lines) = read().unwrap_or_default();
    Tail {
        bytes,
        lines,
        source,
    }
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

/// Compiles a pattern for raw bytes. `\d`, `\w` and the like mean ASCII.
pub(crate) fn pattern(pattern: &str) -> Result<Regex, String> {
    regex::bytes::RegexBuilder::new(pattern)
        .unicode(false)
        .build()
        .map_err(|error| error.to_string())
}

/// A search that goes on where it was, line by line, as the log grows.
#[derive(Debug)]
pub(crate) struct Search {
    log: Arc<Log>,
    /// Where the first line that may still match begins.
    at: u64,
    /// What is there from that line on.
    pending: Vec<u8>,
    /// So much of that is known to have no match and no line end.
    searched: usize,
}

impl Search {
    pub(crate) fn new(log: Arc<Log>, from: u64) -> Search {
        Search {
            log,
            at: from,
            pending: Vec::new(),
            searched: 0,
        }
    }

    /// Looks at what has come since the last time, and returns the first line that matches.
    ///
    /// A line that has not ended yet matches only where what follows can't undo it: `ready$`
    /// does not match `ready` that may become `ready or not`.
    pub(crate) fn find(&mut self, pattern: &Regex) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(line) = self.take_line(pattern) {
                return Ok(Some(line));
            }
            let next = self.at + self.pending.len() as u64;
            let parts = holes::data(self.log.file(), next..u64::MAX);
            let Some(part) = parts.first() else {
                return Ok(None);
            };
            // What was cut out of the log before it was searched is lost.
            if part.start > next {
                self.pending.clear();
                self.searched = 0;
                self.at = part.start;
            }
            let from = self.at + self.pending.len() as u64;
            let before = self.pending.len();
            let part = from..part.end.min(from + CHUNK);
            holes::read_part(self.log.file(), part, &mut self.pending)?;
            if self.pending.len() == before {
                return Ok(None);
            }
        }
    }

    fn take_line(&mut self, pattern: &Regex) -> Option<Vec<u8>> {
        if self.searched == self.pending.len() {
            return None;
        }
        let mut start = 0;
        while let Some(found) = position(&self.pending[self.searched..], b'\n') {
            let end = self.searched + found;
            let line = &self.pending[start..end];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            start = end + 1;
            self.searched = start;
            if pattern.is_match(line) {
                let line = line.to_vec();
                self.forget(start);
                return Some(line);
            }
        }
        self.forget(start);
        if certainly_matches(pattern, &self.pending) {
            let line = self.pending.clone();
            self.forget(line.len());
            return Some(line);
        }
        if self.pending.len() > 2 * LONG_LINE {
            self.forget(self.pending.len() - LONG_LINE);
        }
        self.searched = self.pending.len();
        None
    }

    fn forget(&mut self, length: usize) {
        self.pending.drain(..length);
        self.at += length as u64;
        self.searched = self.searched.saturating_sub(length);
    }
}

fn position(bytes: &[u8], wanted: u8) -> Option<usize> {
    bytes.iter().position(|byte| *byte == wanted)
}

/// Whether the pattern matches inside `line` whatever comes next: a word character or another. If
/// it has groups, what matches must not become longer either.
fn certainly_matches(pattern: &Regex, line: &[u8]) -> bool {
    let has_groups = pattern.captures_len() > 1;
    let mut longer = line.to_vec();
    b"0 ".iter().all(|next| {
        longer.truncate(line.len());
        longer.push(*next);
        let end = match has_groups {
            true => pattern.find(&longer).map(|found| found.end()),
            false => pattern.shortest_match(&longer),
        };
        end.is_some_and(|end| end <= line.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    struct Log(crate::session::Home, File);

    fn log() -> Log {
        let home = crate::session::Home::create("search", None, None).unwrap();
        let file = home.open_log().unwrap();
        Log(home, file)
    }

    impl Log {
        fn search(&self) -> Search {
            Search::new(self.0.share_log(), 0)
        }

        fn write(&mut self, bytes: &[u8]) {
            self.1.write_all(bytes).unwrap();
        }
    }

    fn found(search: &mut Search, regex: &str) -> Option<String> {
        let line = search.find(&pattern(regex).unwrap()).unwrap()?;
        Some(String::from_utf8_lossy(&line).into_owned())
    }

    #[test]
    fn a_banner_is_found_across_chunks() {
        let mut log = log();
        let mut search = log.search();
        assert_eq!(found(&mut search, "ready$"), None);
        for chunk in ["starting\nserver is re", "a", "d", "y"] {
            log.write(chunk.as_bytes());
            assert_eq!(found(&mut search, "ready$"), None);
        }
        log.write(b"\r\nmore\n");
        assert_eq!(
            found(&mut search, "ready$").as_deref(),
            Some("server is ready")
        );
        assert_eq!(found(&mut search, "more").as_deref(), Some("more"));
        assert_eq!(found(&mut search, "more"), None);
    }

    #[test]
    fn a_prompt_without_a_line_end_is_found() {
        let mut log = log();
        let mut search = log.search();
        log.write(b"monitor> ");
        assert_eq!(found(&mut search, "monitor>").as_deref(), Some("monitor> "));
    }

    #[test]
    fn an_unfinished_line_matches_only_if_nothing_can_undo_it() {
        let mut log = log();
        let mut search = log.search();
        log.write(b"port 80");
        for regex in [r"port \d+$", r"port 80\b", "port 80."] {
            assert_eq!(found(&mut search, regex), None, "{regex}");
        }
        log.write(b"80\n");
        assert_eq!(
            found(&mut search, r"port \d+$").as_deref(),
            Some("port 8080")
        );
    }

    #[test]
    fn a_group_of_an_unfinished_line_must_not_grow() {
        let mut log = log();
        let mut search = log.search();
        log.write(b"port 80");
        assert_eq!(found(&mut search, r"port (\d+)"), None);
        log.write(b"80 ");
        assert_eq!(
            found(&mut search, r"port (\d+)").as_deref(),
            Some("port 8080 ")
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_searched_all_the_same() {
        let mut log = log();
        let mut search = log.search();
        log.write(b"\xff\x00\xfe ready \xff\n");
        assert!(found(&mut search, " ready ").is_some());
    }

    #[test]
    fn a_line_without_end_is_searched_in_bounded_memory() {
        let mut log = log();
        let mut search = log.search();
        log.write(&vec![b'x'; 1 << 20]);
        assert_eq!(found(&mut search, "ready"), None);
        assert!(search.pending.len() <= 2 * LONG_LINE);
        log.write(b"ready!");
        assert!(found(&mut search, "ready").is_some());
    }

    #[test]
    fn a_tail_counts_all_lines_of_its_run() {
        let mut log = log();
        log.write(b"old\n");
        let line = [b'y'; 99];
        for _ in 0..1000 {
            log.write(&line);
            log.write(b"\n");
        }
        log.write(b"last");
        let tail = tail(log.0.share_log(), 4);
        assert_eq!(tail.lines, 1001);
        assert!(tail.bytes.ends_with(b"\nlast"));
        assert_eq!(tail.bytes.len() as u64, TAIL);
    }
}
