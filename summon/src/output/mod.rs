//! The output of a process: its log on disk, and the search for lines.

mod excerpt;
mod lines;
mod pattern;
mod terminal;

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Instant;

pub(crate) use excerpt::around;
pub(crate) use lines::Lines;
pub(crate) use pattern::{Pattern, of_text};

use crate::error::{Source, Tail};
use crate::session::Written;
use crate::sys::{holes, log_end};

const CHUNK: u64 = 256 * 1024;

/// Returns the length of a log.
pub(crate) fn length(log: &File) -> u64 {
    log.metadata().map_or(0, |log| log.len())
}

/// Returns the log's contents from an offset on.
pub(crate) fn read_all(log: &File, from: u64) -> Vec<u8> {
    holes::read(log, from..length(log).max(from)).unwrap_or_default()
}

/// Returns the end of the log for a report. `from` is where this run began.
pub(crate) fn tail(source: Arc<dyn Source>, from: u64) -> Tail {
    let whole = from..length(source.file()).max(from);
    log_end::of(source, whole, None)
}

/// Like [`tail()`], for a test. Shows output from before the process was ready only if none came
/// after.
pub(crate) fn tail_of_test(source: Arc<dyn Source>, from: u64) -> Tail {
    let whole = from..length(source.file()).max(from);
    let ready_at = source.ready_at();
    log_end::of(source, whole, ready_at)
}

/// How much of an unfinished line to search for a hint.
const LONGEST_LINE: u64 = 4096;

/// Returns the last line and a hint, if the line matches now but has not ended.
pub(crate) fn unfinished(pattern: &Pattern, output: &[u8]) -> Option<(String, &'static str)> {
    let from = output.len().saturating_sub(LONGEST_LINE as usize);
    let shown = shown(&output[from..]);
    let line = shown.rsplit(|byte| *byte == b'\n').next()?;
    if line.is_empty() || !pattern.is_match(line) {
        return None;
    }
    let hint = if pattern.has_groups() {
        "a pattern with groups matches only a line that has ended with a line feed: to match an \
         unfinished line, write `(?:..)` instead of `(..)`"
    } else if pattern.as_str().contains('$') {
        "the line has not ended with a line feed, so more of it may come: leave out `$` to match an \
         unfinished line"
    } else {
        "the rest of the line could change the match: use a pattern that matches less of the line"
    };
    Some((String::from_utf8_lossy(line).into_owned(), hint))
}

/// Like [`unfinished`], for a log from an offset on.
pub(crate) fn unfinished_in(
    pattern: &Pattern,
    log: &File,
    from: u64,
) -> Option<(String, &'static str)> {
    let end = length(log).saturating_sub(LONGEST_LINE);
    unfinished(pattern, &read_all(log, end.max(from)))
}

/// Returns the output as a terminal shows it.
pub(crate) fn shown(output: &[u8]) -> Cow<'_, [u8]> {
    if terminal::is_plain(output) {
        return Cow::Borrowed(output);
    }
    let mut shown = Vec::new();
    terminal::Terminal::default().show(output, &mut shown, false);
    Cow::Owned(shown)
}

/// A search that continues where it stopped, line by line, as the output grows.
#[derive(Debug)]
pub(crate) struct Search(Vec<Part>);

/// The search in one file.
#[derive(Debug)]
struct Part {
    written: Written,
    /// The position up to which the file was read.
    read: u64,
    /// Where the last chunk begins.
    chunk: u64,
    /// The number of the line that the last chunk continued, and a position before its beginning.
    line: (u64, u64),
    /// The number of bytes that were not searched.
    left_out: u64,
    lines: Lines,
}

impl Search {
    /// Searches these files from these positions on.
    pub(crate) fn new(written: Vec<(Written, u64)>) -> Search {
        let part = |(written, read)| Part::new(written, read, Lines::default());
        Search(written.into_iter().map(part).collect())
    }

    /// Searches the new output, and returns the first matching line. Stops at the deadline, since a
    /// program may write faster than the search reads.
    pub(crate) fn find(
        &mut self,
        pattern: &Pattern,
        deadline: Instant,
    ) -> io::Result<Option<Vec<u8>>> {
        for part in &mut self.0 {
            let pattern = std::slice::from_ref(pattern);
            if let Some(line) = part.find(pattern, u64::MAX, Some(deadline))? {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    /// Takes the unfinished last line if it matches as it is now, although more of it could undo that.
    pub(crate) fn take_last(&mut self, pattern: &Pattern) -> Option<Vec<u8>> {
        let pattern = std::slice::from_ref(pattern);
        let mut parts = self.0.iter_mut();
        parts.find_map(|part| part.lines.take_last(pattern))
    }
}

/// A search in one file that stops at given positions.
#[derive(Debug)]
pub(crate) struct Scan(Part);

impl Scan {
    /// Searches a file from this position on.
    pub(crate) fn new(written: Written, from: u64) -> Scan {
        Scan(Part::new(written, from, Lines::whole()))
    }

    /// Returns the next line that ends before this position and matches one of the patterns. May
    /// return nothing after the deadline.
    pub(crate) fn next(
        &mut self,
        patterns: &[Pattern],
        until: u64,
        deadline: Option<Instant>,
    ) -> Option<Vec<u8>> {
        // If the log can't be read, there is no line.
        self.0.find(patterns, until, deadline).ok().flatten()
    }

    /// Leaves out the output up to a position, and the rest of the line there.
    pub(crate) fn skip_to(&mut self, position: u64) {
        if position > self.0.read {
            self.0.lines.begin_within();
            self.0.leave_out(position);
        }
    }

    /// Returns a position before the beginning of the line that was returned last.
    pub(crate) fn before_line(&self) -> u64 {
        self.0.line.1
    }

    /// Returns the number of bytes that were not searched: they were skipped, or cut out of the file.
    pub(crate) fn left_out(&self) -> u64 {
        self.0.left_out
    }

    /// Returns the unfinished last line if it matches as it is.
    pub(crate) fn last(&mut self, patterns: &[Pattern]) -> Option<Vec<u8>> {
        self.0.lines.take_last(patterns)
    }

    /// Returns the number of the line that has begun, but was not read to its end.
    pub(crate) fn unfinished(&self) -> Option<u64> {
        self.0.lines.unfinished()
    }

    /// Returns the number of the line that was returned last.
    pub(crate) fn taken(&self) -> u64 {
        self.0.lines.taken()
    }

    /// Returns the length of the file now.
    pub(crate) fn length(&self) -> u64 {
        length(self.0.written.file())
    }
}

impl Part {
    fn new(written: Written, read: u64, lines: Lines) -> Part {
        Part {
            written,
            read,
            chunk: read,
            line: (0, read),
            left_out: 0,
            lines,
        }
    }

    fn leave_out(&mut self, until: u64) {
        self.left_out += until - self.read;
        self.read = until;
        self.chunk = until;
    }

    fn find(
        &mut self,
        patterns: &[Pattern],
        until: u64,
        deadline: Option<Instant>,
    ) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(line) = self.lines.take(patterns) {
                return Ok(Some(line));
            }
            if self.read >= until {
                return Ok(None);
            }
            let parts = holes::data(self.written.file(), self.read..until);
            let Some(part) = parts.first() else {
                return Ok(None);
            };
            // The guard cut this part out of the file before it was searched. The search continues
            // after the hole, with a new line.
            if part.start > self.read {
                if let Some(line) = self.lines.take_before_hole(patterns) {
                    return Ok(Some(line));
                }
                self.lines.begin_anew();
                self.leave_out(part.start);
            }
            let part = self.read..part.end.min(self.read + CHUNK);
            let mut bytes = Vec::new();
            holes::read_part(self.written.file(), part, &mut bytes)?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let number = self.lines.ended();
            if number != self.line.0 {
                // Another line than before is unfinished, so it began in the last chunk.
                self.line = (number, self.chunk);
            }
            self.chunk = self.read;
            self.read += bytes.len() as u64;
            self.lines.add(&bytes);
            // Checked after a chunk, so that a search past its deadline still sees existing output.
            if deadline.is_some_and(|it| Instant::now() >= it) {
                return Ok(self.lines.take(patterns));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::time::Duration;

    struct Scratch(crate::session::Home, File);

    fn log() -> Scratch {
        let home = crate::session::Home::create("search", None, crate::sys::users::Access::PRIVATE)
            .unwrap();
        let file = home.open_log().unwrap();
        Scratch(home, file)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    impl Scratch {
        fn search(&self) -> Search {
            Search::new(self.0.written(0, None))
        }

        fn write(&mut self, bytes: &[u8]) {
            self.1.write_all(bytes).unwrap();
        }
    }

    #[test]
    fn a_search_goes_on_where_it_was() {
        let mut log = log();
        let mut search = log.search();
        let ready = Pattern::new("ready$").unwrap();
        assert_eq!(search.find(&ready, soon()).unwrap(), None);
        log.write(b"starting\nserver is ready\r\nmore\nrea");
        assert_eq!(
            search.find(&ready, soon()).unwrap().unwrap(),
            b"server is ready"
        );
        assert_eq!(search.find(&ready, soon()).unwrap(), None);
        log.write(b"dy\n");
        assert_eq!(search.find(&ready, soon()).unwrap().unwrap(), b"ready");
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
        assert_eq!(tail.lines.to_string(), "1001 lines");
        assert!(tail.bytes.ends_with(b"\nlast"));
        assert_eq!(tail.bytes.len() as u64, log_end::LONGEST);
    }

    #[test]
    fn a_tail_does_not_count_all_lines_of_a_flood() {
        let mut log = log();
        log.write(b"first\n");
        log.write(&b"y\n".repeat(600_000));
        let whole = tail(log.0.share_log(), 0);
        assert_eq!(whole.lines.to_string(), "more than 524288 lines");
        let end = length(&log.1);
        let since = |at| {
            log_end::of(log.0.share_log(), 0..end, Some(at))
                .since_ready
                .unwrap()
        };
        let (early, late) = (since(6), since(end - 2));
        assert_eq!((early.before.lines, early.before.is_more), (1, false));
        assert!(early.lines.is_more && late.before.is_more);
        assert_eq!(
            (late.bytes, late.lines.to_string()),
            (2, "1 line".to_owned())
        );
        // The process was killed before it was ready.
        assert_eq!(since(end + 7).bytes, 0);
    }
}
