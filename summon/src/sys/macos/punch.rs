//! Holes in files: how to give a part of a file back to the disk (`F_PUNCHHOLE` in `fcntl(2)`), and
//! how to find the other parts.
//!
//! An attribute of the file records the hole (`setxattr(2)`). The file system is not asked
//! (`SEEK_DATA` in `lseek(2)`): some can't tell, and APFS has reported data as a hole right after a
//! write.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;

use rustix::fs::XattrFlags;

/// The attribute with the start and the end of the hole.
const NOTE: &CStr = c"summon.hole";

/// Gives a part of the file back to the disk. The part must consist of whole blocks, behind the
/// parts given back before. Some file systems can't do that.
pub(crate) fn punch(file: &File, hole: Range<u64>) -> io::Result<()> {
    // Write the note first. A reader that comes between the two steps skips data that is about to
    // disappear. In the other order it would take zeroes for data.
    note(
        file,
        // The caller punches from the front to the back, so all holes together are one that grows.
        noted(file).map_or(hole.start, |before| before.start)..hole.end,
    )?;
    let told = libc::fpunchhole_t {
        fp_flags: 0,
        reserved: 0,
        fp_offset: hole.start as libc::off_t,
        fp_length: (hole.end - hole.start) as libc::off_t,
    };
    // SAFETY: `F_PUNCHHOLE` takes an `fpunchhole_t`, and `told` is a valid one.
    let done = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_PUNCHHOLE, &raw const told) };
    if done == -1 {
        let error = io::Error::last_os_error();
        // Nothing was punched. The caller shortens the file instead, and later data at these
        // offsets would count as a hole.
        let _ = rustix::fs::fremovexattr(file, NOTE);
        return Err(error);
    }
    Ok(())
}

/// Lists the parts of a range that have data: everything in the file except the hole.
pub(crate) fn data(file: &File, range: Range<u64>) -> Vec<Range<u64>> {
    let length = file.metadata().map_or(0, |found| found.len());
    let end = range.end.min(length);
    let hole = noted(file).unwrap_or(end..end);
    let parts = [
        range.start..end.min(hole.start),
        range.start.max(hole.end)..end,
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

fn note(file: &File, hole: Range<u64>) -> io::Result<()> {
    let text = [hole.start.to_ne_bytes(), hole.end.to_ne_bytes()].concat();
    Ok(rustix::fs::fsetxattr(
        file,
        NOTE,
        &text,
        XattrFlags::empty(),
    )?)
}

fn noted(file: &File) -> Option<Range<u64>> {
    let mut text = [0; 16];
    let length = rustix::fs::fgetxattr(file, NOTE, &mut text[..]).ok()?;
    let (start, rest) = text[..length].split_first_chunk()?;
    let (end, _) = rest.split_first_chunk()?;
    Some(u64::from_ne_bytes(*start)..u64::from_ne_bytes(*end))
}
