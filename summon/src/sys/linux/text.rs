//! Files of `/proc`, which report no length.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Reads a file about one process or thread, such as `stat` or `status`.
pub(super) fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    read_from(File::open(path)?)
}

/// Reads such a file from its beginning. `fs::read` begins with 32 bytes, and takes up to eight calls
/// for a page.
pub(super) fn read_from(file: File) -> io::Result<Vec<u8>> {
    // The kernel makes such a text in one piece (`single_open` in its `seq_file`), so a read that does
    // not fill the buffer is the last one.
    read_until(file, |read, room| read < room)
}

/// Reads a file with a list of pids. The kernel makes such a text a page at a time, and cuts a page
/// before the entry that does not fit. So a read may end a little early, and not be the last one.
pub(super) fn read_list(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    /// Shorter than a page by more than an entry.
    const PART: usize = 4000;
    read_until(File::open(path)?, |read, room| read < room.min(PART))
}

/// Reads until `is_end` returns `true`. Its arguments: the number of bytes read, and the size of the
/// buffer.
fn read_until(mut file: File, is_end: impl Fn(usize, usize) -> bool) -> io::Result<Vec<u8>> {
    // Longer than most.
    let mut bytes = vec![0; 4096];
    let mut length = 0;
    loop {
        if length == bytes.len() {
            bytes.resize(2 * length, 0);
        }
        let room = bytes.len() - length;
        match file.read(&mut bytes[length..]) {
            Ok(read) => {
                length += read;
                if is_end(read, room) {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}
