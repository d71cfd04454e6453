//! Counts the lines of output that match a pattern.

use std::io;

use super::{NotReady, Target};
use crate::output::{Pattern, Search};

/// A search that continues at the next look.
#[derive(Default)]
struct Counted {
    search: Option<Search>,
    count: u32,
}

/// Returns the number of lines that have matched, up to `wanted`, and the last one if this look has
/// found it.
pub(super) fn count_lines(
    target: &Target<'_>,
    pattern: &Pattern,
    wanted: u32,
) -> Result<(u32, Option<Vec<u8>>), NotReady> {
    let failed = |error: io::Error| NotReady::ever(format!("the log can't be read: {error}"));
    target.news.subscribe_to_output().map_err(failed)?;
    target.memory.with(pattern.as_str(), |it: &mut Counted| {
        let search = it.search.get_or_insert_with(|| target.search());
        let mut last = None;
        while it.count < wanted {
            match search.find(pattern, target.deadline()).map_err(failed)? {
                Some(line) => last = Some(line),
                None => break,
            }
            it.count += 1;
        }
        Ok((it.count, last))
    })
}

/// Returns the last line if it has no line end and matches as it is. [`count_lines`] comes before.
pub(super) fn last_line(target: &Target<'_>, pattern: &Pattern) -> Option<Vec<u8>> {
    target.memory.with(pattern.as_str(), |it: &mut Counted| {
        it.search.as_mut()?.take_last(pattern)
    })
}
