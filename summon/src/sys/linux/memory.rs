//! The directory whose files are in memory.

use std::path::Path;

use rustix::fs::{StatVfsMountFlags, statfs, statvfs};

/// The place of `shm_open(3)`. Every Linux distribution mounts it, with this name.
const PLACE: &str = "/dev/shm";
/// The type of a `tmpfs` (`statfs(2)`).
const TMPFS: u64 = 0x0102_1994;

/// A directory in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) path: &'static Path,
    /// The number of free bytes.
    pub(crate) free: u64,
    /// The number of files for which there is room.
    pub(crate) free_files: u64,
    /// Whether programs in it can be executed.
    pub(crate) is_executable: bool,
}

impl Memory {
    /// Returns the directory, if there is one.
    #[expect(
        clippy::cast_sign_loss,
        reason = "the type of this field differs between processors"
    )]
    pub(crate) fn find() -> Option<Memory> {
        let path = Path::new(PLACE);
        // In a container it may be a plain directory.
        if statfs(path).ok()?.f_type as u64 != TMPFS {
            return None;
        }
        let found = statvfs(path).ok()?;
        let no = StatVfsMountFlags::NOEXEC | StatVfsMountFlags::RDONLY;
        (!found.f_flag.contains(StatVfsMountFlags::RDONLY)).then(|| Memory {
            path,
            free: found.f_bavail.saturating_mul(found.f_frsize),
            // A tmpfs without a limit has the total 0 (`tmpfs(5)`, `nr_inodes`).
            free_files: match found.f_files {
                0 => u64::MAX,
                _ => found.f_favail,
            },
            is_executable: !found.f_flag.intersects(no),
        })
    }
}
