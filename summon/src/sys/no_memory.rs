//! The directory whose files are in memory, for systems without one.

use std::path::Path;

/// A directory in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) path: &'static Path,
    pub(crate) free: u64,
    pub(crate) free_files: u64,
    pub(crate) is_executable: bool,
}

impl Memory {
    pub(crate) fn find() -> Option<Memory> {
        None
    }
}
