//! Giving a part of a file back to the disk (`fallocate(2)`).

use std::fs::File;
use std::io;
use std::ops::Range;

use rustix::fs::FallocateFlags;

/// Gives a part of the file back. Not every file system can do that.
pub(crate) fn punch(file: &File, hole: Range<u64>) -> io::Result<()> {
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(file, flags, hole.start, hole.end - hole.start)?;
    Ok(())
}
