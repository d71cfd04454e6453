//! Finds a line in a log, with the lines around it, for a report.

use std::collections::VecDeque;
use std::fs::File;

use super::{CHUNK, shown};
use crate::error::Excerpt;
use crate::sys::holes;

/// How many lines to show before and after the line. A panic has its message in the next line.
const BEFORE: usize = 4;
const AFTER: usize = 8;
/// How much of a line to show.
const LONGEST: usize = 1000;

/// Returns the place of the first line from an offset on that a terminal shows as `wanted`, and the
/// lines around it.
pub(crate) fn around(log: &File, from: u64, wanted: &[u8]) -> Option<(u64, Excerpt)> {
    let whole = find(log, from, |line| line == wanted);
    // The line may have grown since it was found.
    whole.or_else(|| find(log, from, |line| line.starts_with(wanted)))
}

fn find(log: &File, from: u64, is_wanted: impl Fn(&[u8]) -> bool) -> Option<(u64, Excerpt)> {
    let mut found = None;
    let mut lines = VecDeque::new();
    let mut take = |at: u64, line: &[u8]| {
        let kept = line.len().min(LONGEST);
        lines.push_back(String::from_utf8_lossy(&line[..kept]).into_owned());
        match found {
            None if shows(line, &is_wanted) => found = Some((at, lines.len() - 1)),
            None if lines.len() > BEFORE => drop(lines.pop_front()),
            _ => {}
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
        }
        let mut at = part.start;
        while at < part.end {
            let length = rest.len();
            let chunk = at..part.end.min(at + CHUNK);
            holes::read_part(log, chunk.clone(), &mut rest).ok()?;
            if rest.len() == length {
                break;
            }
            at = chunk.end;
            let mut taken = 0;
            while let Some(end) = rest[taken..].iter().position(|byte| *byte == b'\n') {
                if take(begin + taken as u64, &rest[taken..taken + end]) {
                    rest.clear();
                    break 'log;
                }
                taken += end + 1;
            }
            rest.drain(..taken);
            begin += taken as u64;
        }
    }
    if !rest.is_empty() {
        take(begin, &rest);
    }
    let (at, marked) = found?;
    let lines = lines.into_iter().collect();
    Some((at, Excerpt { lines, marked }))
}

/// Returns whether a terminal shows such a line for these bytes.
fn shows(line: &[u8], is_wanted: impl Fn(&[u8]) -> bool) -> bool {
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
        assert_eq!(excerpt.lines[0].len(), LONGEST);
    }
}
