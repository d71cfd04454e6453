//! Files of `/proc`, which say nothing of their length.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Reads a file. `fs::read` begins with 32 bytes, and takes up to eight calls for a page.
pub(super) fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    read_from(File::open(path)?)
}

/// Reads an open file from its beginning.
pub(super) fn read_from(mut file: File) -> io::Result<Vec<u8>> {
    // Longer than most.
    let mut bytes = vec![0; 4096];
    let mut length = 0;
    loop {
        if length == bytes.len() {
            bytes.resize(2 * length, 0);
        }
        // A short read is not the end of such a file.
        match file.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}
