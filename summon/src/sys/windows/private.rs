//! Files and directories that are this user's alone: what is made in the user's temporary directory
//! is, by the access list of that.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;

/// Makes directories.
pub(crate) fn directory() -> DirBuilder {
    DirBuilder::new()
}

/// Makes and opens files.
pub(crate) fn options() -> OpenOptions {
    OpenOptions::new()
}

/// The same where the user says which file, and may mean what a link points to.
pub(crate) fn options_through_links() -> OpenOptions {
    OpenOptions::new()
}

/// Whether it is that user's, and nobody else may do anything with it.
pub(crate) fn is_of(_found: &Metadata, _user: u32) -> bool {
    true
}

/// The user whose it is.
pub(crate) fn owner(_found: &Metadata) -> u32 {
    super::user()
}

/// Marks a file as one that is to be kept.
pub(crate) fn keep(_file: &File) -> io::Result<()> {
    Err(super::unsupported())
}

pub(crate) fn is_kept(_found: &Metadata) -> bool {
    true
}
