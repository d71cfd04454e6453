//! Giving a part of a file back to the disk (`F_PUNCHHOLE` in `fcntl(2)`).

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;

/// Gives a part of the file back, which is of whole blocks. Not every file system can do that.
pub(crate) fn punch(file: &File, hole: Range<u64>) -> io::Result<()> {
    let told = libc::fpunchhole_t {
        fp_flags: 0,
        reserved: 0,
        fp_offset: hole.start as libc::off_t,
        fp_length: (hole.end - hole.start) as libc::off_t,
    };
    // SAFETY: the command takes a struct of this kind, which is valid.
    let done = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_PUNCHHOLE, &raw const told) };
    match done {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
