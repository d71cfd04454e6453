//! Files and directories for this user alone. The access list of the user's temporary directory
//! makes them so.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;

/// Makes directories.
pub(crate) fn directory() -> DirBuilder {
    DirBuilder::new()
}

/// Returns options to make and open a file that the user names.
pub(crate) fn options_through_links() -> OpenOptions {
    OpenOptions::new()
}

/// Marks a file as one to keep.
pub(crate) fn keep(_file: &File) -> io::Result<()> {
    Err(super::unsupported())
}
