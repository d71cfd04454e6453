//! Holes in files: how to give a part of a file back to the disk (`fallocate(2)`), and how to find
//! the other parts (`lseek(2)`).

use std::fs::File;
use std::io;
use std::ops::Range;

use rustix::fs::{FallocateFlags, SeekFrom};
use rustix::io::Errno;

/// Gives a part of the file back to the disk. Some file systems can't do that.
pub(crate) fn punch(file: &File, hole: Range<u64>) -> io::Result<()> {
    // `PUNCH_HOLE` needs `KEEP_SIZE` (`fallocate(2)`): the size and all later offsets stay. Readers
    // in other processes and the log's index refer to data by offset.
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(file, flags, hole.start, hole.end - hole.start)?;
    Ok(())
}

/// Lists the parts of a range that have data.
pub(crate) fn data(file: &File, range: Range<u64>) -> Vec<Range<u64>> {
    let mut found = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let start = match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(start) => start,
            // `ENXIO`: there is no data from here to the end of the file (`lseek(2)`).
            Err(Errno::NXIO) => break,
            // The file system has no notion of holes, so everything is data.
            Err(_) => at,
        };
        let end = rustix::fs::seek(file, SeekFrom::Hole(start)).unwrap_or(range.end);
        // Another process may punch or append between the two calls, and their answers may
        // disagree. Stop then, since the loop would not advance.
        if start >= range.end || end <= start {
            break;
        }
        found.push(start..end.min(range.end));
        at = end;
    }
    found
}
