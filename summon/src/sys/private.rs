//! Files and directories that are this user's alone: directories 0700, files 0600.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// The mode of a file that is to be kept: as private as others, with the sticky bit, which has no
/// meaning for a file (`inode(7)`).
const KEPT_MODE: u32 = 0o1600;

/// Makes directories.
pub(crate) fn directory() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// Makes and opens files; a link is not followed.
pub(crate) fn options() -> OpenOptions {
    let mut options = options_through_links();
    let no_links = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
    options.custom_flags(no_links);
    options
}

/// The same where the user says which file, and may mean what a link points to.
pub(crate) fn options_through_links() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Whether it is that user's, and nobody else may do anything with it.
pub(crate) fn is_of(found: &Metadata, user: u32) -> bool {
    owner(found) == user && found.mode() & 0o077 == 0
}

/// The user whose it is.
pub(crate) fn owner(found: &Metadata) -> u32 {
    found.uid()
}

/// Marks a file as one that is to be kept, for whoever cleans up after this process.
pub(crate) fn keep(file: &File) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(KEPT_MODE))
}

/// Takes the mark off again.
pub(crate) fn release(path: &Path) -> io::Result<()> {
    let file = options().read(true).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))
}

pub(crate) fn is_kept(found: &Metadata) -> bool {
    found.permissions().mode() & 0o7777 == KEPT_MODE
}
