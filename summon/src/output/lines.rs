//! Finds matching lines in output that arrives in pieces.

use std::io::BufRead as _;

use super::Pattern;
use super::terminal::Terminal;

/// How much of a line without an end is searched again when more arrives.
const LONG_LINE: usize = 64 * 1024;

/// A search for whole lines waits for the end of a line up to this length.
pub(super) const LONGEST_WHOLE: usize = 1024 * 1024;

/// Output that was not searched to its end.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    terminal: Terminal,
    /// The output as a terminal shows it, from the first line that may still match.
    pending: Vec<u8>,
    /// The length of the lines that were taken out. They stay in `pending` until no line is left: moving
    /// the rest for each of many lines would take long.
    done: usize,
    /// The length of the part of `pending` that has no match and no line end.
    searched: usize,
    /// The first line of `pending` was returned before it had ended.
    is_taken: bool,
    /// The number of lines that have ended.
    ended: u64,
    /// An unfinished line does not match.
    only_whole: bool,
}

impl Lines {
    /// Searches lines as they are at their end.
    pub(crate) fn whole() -> Lines {
        Lines {
            only_whole: true,
            ..Lines::default()
        }
    }

    /// Drops the pending output, and continues with a new line.
    pub(crate) fn begin_anew(&mut self) {
        *self = Lines {
            ended: self.ended + 1,
            only_whole: self.only_whole,
            ..Lines::default()
        };
    }

    /// Drops the pending output, and continues within a line, the rest of which does not count.
    pub(crate) fn begin_within(&mut self) {
        self.begin_anew();
        self.is_taken = true;
    }

    /// Returns the number of lines that have ended.
    pub(crate) fn ended(&self) -> u64 {
        self.ended
    }

    /// Returns the number of the line that has begun and was not judged yet.
    pub(crate) fn unfinished(&self) -> Option<u64> {
        (!self.is_taken && self.pending.len() > self.done).then_some(self.ended)
    }

    /// Returns the number of the line that was taken last.
    pub(crate) fn taken(&self) -> u64 {
        self.ended - u64::from(!self.is_taken)
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let kept = self.terminal.show(bytes, &mut self.pending, self.is_taken);
        self.searched = self.searched.min(kept);
    }

    /// Takes out the first line that matches one of the patterns, and everything before it.
    ///
    /// An unfinished line matches only if later output can't undo the match: `ready$` does not
    /// match `ready`, which may become `ready or not`. A pattern with groups waits for the end of
    /// the line. The rest of a returned line does not count again. So the result does not depend on
    /// how the output is split into pieces.
    pub(crate) fn take(&mut self, patterns: &[Pattern]) -> Option<Vec<u8>> {
        let is_match = |line: &[u8]| patterns.iter().any(|it| it.is_match(line));
        let mut start = self.done;
        while let Some(found) = position(&self.pending[self.searched..], b'\n') {
            let end = self.searched + found;
            let line = &self.pending[start..end];
            let line = (!self.is_taken && is_match(line)).then(|| line.to_vec());
            start = end + 1;
            self.searched = start;
            self.is_taken = false;
            self.ended += 1;
            if line.is_some() {
                self.done = start;
                return line;
            }
        }
        self.done = 0;
        self.forget(start);
        self.take_unfinished(patterns)
    }

    /// Takes the unfinished line if it matches as it is now, although more of it could undo that.
    pub(crate) fn take_last(&mut self, patterns: &[Pattern]) -> Option<Vec<u8>> {
        let done = std::mem::take(&mut self.done);
        self.forget(done);
        let is_match = !self.is_taken && patterns.iter().any(|it| it.is_match(&self.pending));
        if !is_match || self.pending.is_empty() {
            return None;
        }
        self.is_taken = true;
        self.searched = 0;
        Some(std::mem::take(&mut self.pending))
    }

    /// Takes the line whose end was cut out of the log, if only its end was waited for.
    pub(crate) fn take_before_hole(&mut self, patterns: &[Pattern]) -> Option<Vec<u8>> {
        self.only_whole.then(|| self.take_last(patterns)).flatten()
    }

    /// Searches the pending output, which has no line end.
    fn take_unfinished(&mut self, patterns: &[Pattern]) -> Option<Vec<u8>> {
        if self.searched == self.pending.len() {
            return None;
        }
        if self.is_taken {
            self.forget(self.pending.len());
            return None;
        }
        if self.only_whole && self.pending.len() <= LONGEST_WHOLE {
            self.searched = self.pending.len();
            return None;
        }
        if patterns.iter().any(|it| it.is_match_so_far(&self.pending)) {
            self.is_taken = true;
            self.searched = 0;
            return Some(std::mem::take(&mut self.pending));
        }
        if self.pending.len() > 2 * LONG_LINE {
            self.forget(self.pending.len() - LONG_LINE);
        }
        self.searched = self.pending.len();
        None
    }

    fn forget(&mut self, length: usize) {
        self.pending.drain(..length);
        self.searched = self.searched.saturating_sub(length);
    }
}

/// Uses the standard library's search, which is fast in debug builds too.
pub(super) fn position(bytes: &[u8], wanted: u8) -> Option<usize> {
    let mut rest = bytes;
    let read = rest.skip_until(wanted).ok()?;
    let last = read.checked_sub(1)?;
    (bytes[last] == wanted).then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(lines: &mut Lines, text: &str) {
        lines.add(text.as_bytes());
    }

    fn found(lines: &mut Lines, regex: &str) -> Option<String> {
        let line = lines.take(&[Pattern::new(regex).unwrap()])?;
        Some(String::from_utf8_lossy(&line).into_owned())
    }

    #[test]
    fn a_banner_is_found_across_chunks() {
        let mut lines = Lines::default();
        assert_eq!(found(&mut lines, "ready$"), None);
        for chunk in ["starting\nserver is re", "a", "d", "y"] {
            add(&mut lines, chunk);
            assert_eq!(found(&mut lines, "ready$"), None);
        }
        add(&mut lines, "\r\nmore\n");
        let line = found(&mut lines, "ready$");
        assert_eq!(line.as_deref(), Some("server is ready"));
        assert_eq!(found(&mut lines, "more").as_deref(), Some("more"));
        assert_eq!(found(&mut lines, "more"), None);
    }

    #[test]
    fn a_prompt_without_a_line_end_is_found() {
        let mut lines = Lines::default();
        add(&mut lines, "monitor> ");
        let line = found(&mut lines, "monitor>");
        assert_eq!(line.as_deref(), Some("monitor> "));
    }

    #[test]
    fn an_unfinished_line_matches_only_if_nothing_can_undo_it() {
        let mut lines = Lines::default();
        add(&mut lines, "port 80");
        for regex in [r"port \d+$", r"port 80\b", r"port 80\B", "port 80."] {
            assert_eq!(found(&mut lines, regex), None, "{regex}");
        }
        add(&mut lines, "80\n");
        let line = found(&mut lines, r"port \d+$");
        assert_eq!(line.as_deref(), Some("port 8080"));
    }

    #[test]
    fn a_pattern_with_groups_waits_for_the_end_of_the_line() {
        for regex in [
            r"port (\d+)",
            r"port (?<port>\d\d)",
            r"port (?<port>\d\d)(, admin (?<port_admin>\d\d))?",
            r"(?<port>80)$|(?<other>80)",
        ] {
            let mut lines = Lines::default();
            for text in ["port 80", ", admin", " 81 "] {
                add(&mut lines, text);
                assert_eq!(found(&mut lines, regex), None, "{regex} {text}");
            }
            add(&mut lines, "\n");
            let line = found(&mut lines, regex);
            assert_eq!(line.as_deref(), Some("port 80, admin 81 "), "{regex}");
        }
        let mut lines = Lines::default();
        add(&mut lines, "login: ");
        let line = found(&mut lines, "(?:login|user):");
        assert_eq!(line.as_deref(), Some("login: "));
    }

    #[test]
    fn a_line_counts_once_though_its_rest_matches_too() {
        let mut lines = Lines::default();
        add(&mut lines, "ready: ");
        assert_eq!(found(&mut lines, "ready").as_deref(), Some("ready: "));
        for rest in ["al", "ready\r", "\n"] {
            add(&mut lines, rest);
            assert_eq!(found(&mut lines, "ready"), None);
        }
        add(&mut lines, "ready\n");
        assert_eq!(found(&mut lines, "ready").as_deref(), Some("ready"));
    }

    #[test]
    fn returns_at_the_start_of_a_line_are_no_lines_however_they_come() {
        let output = "abc\nbc\r\r\r\nb\r\r";
        for piece in [1, 3, output.len()] {
            let mut lines = Lines::default();
            let mut count = 0;
            for piece in output.as_bytes().chunks(piece) {
                lines.add(piece);
                count += std::iter::from_fn(|| found(&mut lines, "a|b*")).count();
            }
            assert_eq!(count, 3, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_return_is_no_part_of_a_line_and_begins_it_anew() {
        let mut lines = Lines::default();
        add(&mut lines, "ready\r");
        assert_eq!(found(&mut lines, r"ready\s"), None);
        add(&mut lines, "\nloading\rready\rsteady");
        assert_eq!(found(&mut lines, r"ready\s|loading."), None);
        let mut lines = Lines::default();
        add(&mut lines, "loading\rready\rsteady\n");
        assert_eq!(found(&mut lines, "^ready$").as_deref(), Some("ready"));
        assert_eq!(found(&mut lines, "^steady$").as_deref(), Some("steady"));
    }

    #[test]
    fn what_nobody_sees_is_no_part_of_a_line() {
        for text in [
            "\x1b[32mready\x1b[0m\n",
            "\x1b]8;;http://a/\x07ready\x1b]8;;\x07\r\n",
            "10%\r\x1b[2Kready\r\n",
            "ready  \t\n",
            "\x1b[1mready\x1b[0m \r\n",
            "\x07ready\x0f\n",
        ] {
            for size in [1, 2, 3, text.len()] {
                let mut lines = Lines::default();
                let mut count = 0;
                for piece in text.as_bytes().chunks(size) {
                    lines.add(piece);
                    count += usize::from(found(&mut lines, "^ready$").is_some());
                }
                assert_eq!(count, 1, "{text:?} by {size}");
            }
        }
    }

    #[test]
    fn a_backspace_takes_back_what_was_searched() {
        let mut lines = Lines::default();
        add(&mut lines, "reader");
        assert_eq!(found(&mut lines, "ready"), None);
        add(&mut lines, "\x08\x08");
        assert_eq!(found(&mut lines, "ready"), None);
        add(&mut lines, "y!");
        assert_eq!(found(&mut lines, "ready").as_deref(), Some("ready!"));
    }

    #[test]
    fn bytes_that_are_no_text_are_searched_all_the_same() {
        let mut lines = Lines::default();
        lines.add(b"\xff\x00\xfe ready \xff\n");
        assert!(found(&mut lines, " ready ").is_some());
    }

    #[test]
    fn a_line_without_end_is_searched_in_bounded_memory() {
        let mut lines = Lines::default();
        lines.add(&vec![b'x'; 1 << 20]);
        assert_eq!(found(&mut lines, "ready"), None);
        assert!(lines.pending.len() <= 2 * LONG_LINE);
        add(&mut lines, "ready!");
        assert!(found(&mut lines, "ready").is_some());
    }
}
