//! Giving a part of a file back to the disk (`fallocate(2)`), and seeing which parts were (`lseek(2)`).

use std::fs::File;
use std::io;
use std::ops::Range;

use rustix::fs::{FallocateFlags, SeekFrom};
use rustix::io::Errno;

/// Gives a part of the file back. Not every file system can do that.
pub(crate) fn punch(file: &File, hole: Range<u64>) -> io::Result<()> {
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(file, flags, hole.start, hole.end - hole.start)?;
    Ok(())
}

/// The parts of a range where there is something.
pub(crate) fn data(file: &File, range: Range<u64>) -> Vec<Range<u64>> {
    let mut found = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let start = match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(start) => start,
            // Behind the last data there is none.
            Err(Errno::NXIO) => break,
            // Where nobody knows of holes all is data.
            Err(_) => at,
        };
        let end = rustix::fs::seek(file, SeekFrom::Hole(start)).unwrap_or(range.end);
        if start >= range.end || end <= start {
            break;
        }
        found.push(start..end.min(range.end));
        at = end;
    }
    found
}
