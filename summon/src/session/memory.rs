//! Private directories in memory: `/dev/shm/summon-<uid>.<number>/<name>`.
//!
//! The lock on the parent shows whether the directory is in use. Its test process and its guard hold
//! the lock. It does not depend on the session, since test processes with different temporary
//! directories share the memory.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use super::base::{Base, TRIES};
use crate::sys::dir::Dir;
use crate::sys::memory::Memory;
use crate::sys::users::User;
use crate::sys::{self, Left, Lock};

/// The free memory without which private directories are on disk. Docker gives 64 MB.
const ROOM: u64 = 2_000_000_000;
/// The same for files. Each database of a PostgreSQL has about 300.
const FILES: u64 = 20_000;

/// Makes the parent of a private directory. `None` if there is no room.
pub(super) fn base(user: Option<User>, executes: bool) -> Option<Base> {
    let memory = Memory::find()?;
    if memory.free < ROOM || memory.free_files < FILES || (executes && !memory.is_executable) {
        return None;
    }
    let parent = Dir::open(memory.path).ok()?;
    let uid = user.map_or_else(sys::user, |user| user.uid);
    for _ in 0..TRIES {
        let name = format!("summon-{uid}.{:08x}", sys::random() as u32);
        let name = OsStr::new(&name);
        let dir = match parent.make_locked(name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Ok(None) => continue,
            made => made.ok()??,
        };
        if let Some(user) = user {
            dir.give(user).ok()?;
        }
        let path = memory.path.join(name);
        return Some(Base { path, dir });
    }
    None
}

/// Removes the directories of dead processes.
pub(super) fn sweep() -> Vec<Left> {
    let mut left = Vec::new();
    let Some(memory) = Memory::find() else {
        return left;
    };
    let Ok(parent) = Dir::open(memory.path) else {
        return left;
    };
    for name in parent.names().unwrap_or_default() {
        let Some(uid) = owner(&name).filter(|uid| [*uid, 0].contains(&sys::user())) else {
            continue;
        };
        let Ok(Some(dir)) = parent.enter_locked(&name, Lock::Nobody) else {
            continue;
        };
        // A stranger may give a directory such a name.
        if dir.found().is_ok_and(|found| found.is_of(uid)) {
            left.extend(empty(&dir, &memory.path.join(&name)));
            let _ = parent.remove_empty(&name);
        }
    }
    left
}

fn empty(dir: &Dir, path: &Path) -> Vec<Left> {
    let names = dir.names().unwrap_or_default().into_iter();
    names.flat_map(|name| dir.remove(&name, path)).collect()
}

/// Returns the user in the name of such a directory.
fn owner(name: &OsStr) -> Option<u32> {
    let (uid, _) = name.to_str()?.strip_prefix("summon-")?.split_once('.')?;
    uid.parse().ok()
}
