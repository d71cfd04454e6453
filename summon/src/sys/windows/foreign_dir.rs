//! Puts a file into a directory of a service.

use std::io;
use std::path::Path;

use super::dir::Dir;
use super::users::Access;

/// Writes a file below `dir`.
pub(crate) fn file(_: Dir, _: &Path, _text: &[u8], _mode: u32, _: Access) -> io::Result<()> {
    Err(super::unsupported())
}

/// Makes a directory below `dir`.
pub(crate) fn directory(_: Dir, _: &Path, _mode: u32, _: Access) -> io::Result<()> {
    Err(super::unsupported())
}
