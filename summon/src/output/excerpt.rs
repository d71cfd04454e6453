//! Finds a line in a log, with the lines around it, for a report.

use std::collections::VecDeque;
use std::fs::File;
use std::time::Instant;

use super::lines::{LONGEST_WHOLE, position};
use super::{CHUNK, shown};
use crate::error::{Excerpt, shortened};
use crate::sys::holes;

/// How many lines to show before and after the line. A panic has its message in the next line.
const BEFORE: usize = 4;
const AFTER: usize = 8;
/// How much of a line to compare. The search for lines returns a longer line before its end.
const COMPARED: usize = LONGEST_WHOLE + 2 * CHUNK as usize;

/// Returns the place of the first line after `near` that a terminal shows as `wanted`, and the lines
/// around it, from an offset on. Returns nothing if that would take longer than the deadline.
pub(crate) fn around(
    log: &File,
    from: u64,
    near: u64,
    wanted: &[u8],
    deadline: Instant,
) -> Option<(u64, Excerpt)> {
    // The lines before it may be in the chunk before it.
    let begin = near.saturating_sub(CHUNK).max(from);
    let find = |is_wanted: &dyn Fn(&[u8]) -> bool| {
        let is_whole = begin == from;
        find(log, begin, is_whole, is_wanted, deadline)
    };
    let whole = find(&|line| line == wanted);
    // The line may have grown since it was found.
    whole.or_else(|| find(&|line| line.starts_with(wanted)))
}

/// `is_whole` says whether a line begins at the offset.
fn find(
    log: &File,
    from: u64,
    mut is_whole: bool,
    is_wanted: &dyn Fn(&[u8]) -> bool,
    deadline: Instant,
) -> Option<(u64, Excerpt)> {
    let mut found = None;
    let mut lines: VecDeque<String> = VecDeque::new();
    let mut take = |at: u64, line: &[u8]| {
        // A flood has many lines, and some allocators are slow among threads. So reuse a line's memory.
        let mut text = match found {
            None if lines.len() > BEFORE => lines.pop_front().unwrap_or_default(),
            _ => String::new(),
        };
        text.clear();
        text.push_str(&shortened(line));
        lines.push_back(text);
        if found.is_none() && shows(line, is_wanted) {
            found = Some((at, lines.len() - 1));
        }
        found.is_some_and(|(_, marked)| lines.len() > marked + AFTER)
    };
    let mut rest = Vec::new();
    let mut begin = from;
    'log: for part in holes::data(log, from..u64::MAX) {
        if part.start > begin + rest.len() as u64 {
            // The middle of the log was cut, and with it the end of this line.
            rest.clear();
            begin = part.start;
            is_whole = true;
        }
        let mut at = part.start;
        while at < part.end {
            if Instant::now() >= deadline {
                break 'log;
            }
            let length = rest.len();
            let chunk = at..part.end.min(at + CHUNK);
            holes::read_part(log, chunk.clone(), &mut rest).ok()?;
            if rest.len() == length {
                break;
            }
            at = chunk.end;
            let (mut taken, mut searched) = (0, length);
            while let Some(length) = position(&rest[searched..], b'\n') {
                let end = searched + length;
                if std::mem::replace(&mut is_whole, true)
                    && take(begin + taken as u64, &rest[taken..end])
                {
                    rest.clear();
                    break 'log;
                }
                (taken, searched) = (end + 1, end + 1);
            }
            if rest.len() - taken > COMPARED {
                if std::mem::take(&mut is_whole) && take(begin + taken as u64, &rest[taken..]) {
                    rest.clear();
                    break 'log;
                }
                taken = rest.len();
            }
            rest.drain(..taken);
            begin += taken as u64;
        }
    }
    if !rest.is_empty() && is_whole {
        take(begin, &rest);
    }
    let (at, marked) = found?;
    let lines = lines.into_iter().collect();
    Some((at, Excerpt { lines, marked }))
}

/// Returns whether a terminal shows such a line for these bytes.
fn shows(line: &[u8], is_wanted: &dyn Fn(&[u8]) -> bool) -> bool {
    let shown = shown(line);
    shown.split(|byte| *byte == b'\n').any(is_wanted)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn log(name: &str, text: &str) -> (crate::session::Home, File) {
        let access = crate::sys::users::Access::PRIVATE;
        let home = crate::session::Home::create(name, None, access).unwrap();
        let mut file = home.open_log().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        (home, file)
    }

    fn around(log: &File, from: u64, wanted: &[u8]) -> Option<(u64, Excerpt)> {
        let deadline = Instant::now() + std::time::Duration::from_secs(60);
        super::around(log, from, from, wanted, deadline)
    }

    #[test]
    fn a_line_is_found_with_the_lines_around_it() {
        let lines: Vec<_> = (0..100).map(|it| format!("line {it}")).collect();
        let text = lines.join("\n") + "\n";
        let text = text.replace("line 50\n", "10%\r\x1b[31mline 50\x1b[0m of all\n");
        let text = text.replace("line 4\n", "line 5 or so\n");
        let (_home, file) = log("excerpt", &text);
        let (at, excerpt) = around(&file, 0, b"line 50").unwrap();
        assert_eq!(at as usize, text.find("10%").unwrap());
        assert_eq!(excerpt.marked, BEFORE);
        assert_eq!(excerpt.lines[0], "line 46");
        assert_eq!(excerpt.lines.last().unwrap(), "line 58");
        let (place, _) = around(&file, 0, b"line 5").unwrap();
        assert_eq!(place as usize, text.find("line 5\n").unwrap());
        assert!(around(&file, at + 1, b"line 51 of").is_none());
        assert!(around(&file, 0, b"line 100").is_none());
        let (_, excerpt) = around(&file, 0, b"line 0").unwrap();
        assert_eq!((excerpt.marked, excerpt.lines.len()), (0, 1 + AFTER));
    }

    #[test]
    fn a_line_across_two_chunks_is_found() {
        let filler = "x".repeat(CHUNK as usize - 3);
        let (_home, file) = log("excerpt-chunks", &format!("{filler}\nERROR"));
        let (at, excerpt) = around(&file, 0, b"ERROR").unwrap();
        assert_eq!(at, CHUNK - 2);
        assert!(excerpt.lines[0].ends_with("x .. 261,117 more bytes"));
    }

    #[test]
    fn a_line_far_in_the_log_has_the_lines_before_it() {
        let text = "line\n".repeat(CHUNK as usize) + "one\nERROR\ntwo\n";
        let (_home, file) = log("excerpt-far", &text);
        let place = text.find("ERROR").unwrap() as u64;
        // The search may know the place of the line only by the chunk that has its beginning.
        for near in [place, place - 2, place - CHUNK] {
            let deadline = Instant::now() + std::time::Duration::from_secs(60);
            let (at, excerpt) = super::around(&file, 0, near, b"ERROR", deadline).unwrap();
            assert_eq!(at, place);
            assert_eq!(
                excerpt.lines,
                ["line", "line", "line", "one", "ERROR", "two"]
            );
        }
        // Within a line begins no line.
        let text = "x".repeat(10) + &"y".repeat(CHUNK as usize) + "\nERROR";
        let (_home, file) = log("excerpt-within", &text);
        let deadline = Instant::now() + std::time::Duration::from_secs(60);
        let y = "y".repeat(CHUNK as usize);
        assert!(super::around(&file, 0, CHUNK + 10, y.as_bytes(), deadline).is_none());
        assert!(super::around(&file, 0, 0, b"ERROR", Instant::now()).is_none());
    }

    #[test]
    fn a_line_without_end_is_compared_by_its_beginning() {
        let text = "ERROR".to_owned() + &"x".repeat(COMPARED + CHUNK as usize) + "\nlast";
        let (_home, file) = log("excerpt-long", &text);
        let wanted = &text.as_bytes()[..LONGEST_WHOLE + CHUNK as usize];
        let (at, excerpt) = around(&file, 0, wanted).unwrap();
        assert_eq!((at, excerpt.lines.len()), (0, 2));
        assert_eq!(excerpt.lines[1], "last");
        assert!(around(&file, 0, b"x").is_none());
    }
}
