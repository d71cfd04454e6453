//! Files and directories for this user alone: directories 0700, files 0600.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

use rustix::fs::Mode;

use super::dir::FileStatus;

/// The mode of a file to keep: private like the others, plus the sticky bit, which has no meaning
/// for a file (`inode(7)`).
const KEPT_MODE: u32 = 0o1600;

/// Makes directories.
pub(crate) fn directory() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// Makes directories that other users can pass through, but not list.
pub(crate) fn passed_directory() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o711);
    builder
}

/// Returns options to make and open a file that the user names. They follow links, since the user
/// may mean the target.
pub(crate) fn options_through_links() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

impl FileStatus {
    /// Whether it belongs to that user, and no one else has any permission.
    pub(crate) fn is_of(&self, user: u32) -> bool {
        // The mode alone proves nothing: the owner of a directory can open it to others, or change
        // its files, at any later time.
        self.owner() == user && self.mode() & 0o077 == 0
    }

    /// Whether it belongs to that user, and others can at most pass through it.
    pub(crate) fn is_of_or_passed(&self, user: u32) -> bool {
        self.owner() == user && self.mode() & 0o066 == 0
    }

    /// Whether it is a file to keep.
    pub(crate) fn is_kept(&self) -> bool {
        self.mode() == KEPT_MODE
    }
}

/// Marks a file as one to keep, for the process that cleans up after this one. The mark is in the
/// file's mode, so it survives a crash, and moves with the file.
pub(crate) fn keep(file: &File) -> io::Result<()> {
    Ok(rustix::fs::fchmod(
        file,
        Mode::from_raw_mode(KEPT_MODE as _),
    )?)
}

/// Removes the mark.
pub(crate) fn release(file: &File) -> io::Result<()> {
    // By descriptor, as for the mark: the service may have put another file at the name by now.
    Ok(rustix::fs::fchmod(file, Mode::RUSR | Mode::WUSR)?)
}

pub(crate) fn is_kept(file: &File) -> bool {
    FileStatus::of(file).is_ok_and(|found| found.is_kept())
}
