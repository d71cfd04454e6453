//! Files and directories that are this user's alone: what is made in the user's temporary directory
//! is, by the access list of that.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;

/// Makes directories.
pub(crate) fn directory() -> DirBuilder {
    DirBuilder::new()
}

/// Makes and opens a file that the user names.
pub(crate) fn options_through_links() -> OpenOptions {
    OpenOptions::new()
}

/// Marks a file as one that is to be kept.
pub(crate) fn keep(_file: &File) -> io::Result<()> {
    Err(super::unsupported())
}
