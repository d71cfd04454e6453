//! Logs, which have no holes on Windows.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::windows::fs::FileExt;

use super::dir::Dir;

/// Lists the parts of a range that have data: everything in the file.
pub(crate) fn data(file: &File, range: Range<u64>) -> Vec<Range<u64>> {
    let length = file.metadata().map_or(0, |found| found.len());
    let all = range.start..range.end.min(length);
    if all.is_empty() { vec![] } else { vec![all] }
}

/// Reads a range.
pub(crate) fn read(file: &File, range: Range<u64>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read_part(file, range, &mut bytes)?;
    Ok(bytes)
}

/// Appends a part of a file to `into`, as far as the file goes.
pub(crate) fn read_part(file: &File, part: Range<u64>, into: &mut Vec<u8>) -> io::Result<()> {
    let mut at = part.start;
    let mut buffer = [0; 4096];
    while at < part.end {
        let wanted = (part.end - at).min(buffer.len() as u64) as usize;
        // Unlike `pread`, `seek_read` moves the file's position. All reads here name their place,
        // and writers append, so none depends on the position.
        match file.seek_read(&mut buffer[..wanted], at)? {
            0 => break,
            read => {
                into.extend(&buffer[..read]);
                at += read as u64;
            }
        }
    }
    Ok(())
}

/// Leaves a log at its name for people to read.
pub(crate) fn leave(_log: &File, _dir: &Dir, _name: &OsStr) -> io::Result<()> {
    Ok(())
}
