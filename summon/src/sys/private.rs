//! Files and directories that are this user's alone: directories 0700, files 0600.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

use rustix::fs::Mode;

use super::dir::Found;

/// The mode of a file that is to be kept: as private as others, with the sticky bit, which has no
/// meaning for a file (`inode(7)`).
const KEPT_MODE: u32 = 0o1600;

/// Makes directories.
pub(crate) fn directory() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// Makes and opens a file that the user names, who may mean what a link points to.
pub(crate) fn options_through_links() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

impl Found {
    /// Whether it is that user's, and nobody else may do anything with it.
    pub(crate) fn is_of(&self, user: u32) -> bool {
        self.owner() == user && self.mode() & 0o077 == 0
    }

    /// Whether it is that user's, and others can at most pass through it.
    pub(crate) fn is_of_or_passed(&self, user: u32) -> bool {
        self.owner() == user && self.mode() & 0o066 == 0
    }

    /// Whether it is a file that is to be kept.
    pub(crate) fn is_kept(&self) -> bool {
        self.mode() == KEPT_MODE
    }
}

/// Marks a file as one that is to be kept, for whoever cleans up after this process.
pub(crate) fn keep(file: &File) -> io::Result<()> {
    Ok(rustix::fs::fchmod(
        file,
        Mode::from_raw_mode(KEPT_MODE as _),
    )?)
}

/// Takes the mark off again.
pub(crate) fn release(file: &File) -> io::Result<()> {
    Ok(rustix::fs::fchmod(file, Mode::RUSR | Mode::WUSR)?)
}

pub(crate) fn is_kept(file: &File) -> bool {
    Found::of(file).is_ok_and(|found| found.is_kept())
}
