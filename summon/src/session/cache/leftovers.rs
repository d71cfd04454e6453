//! What killed processes leave in the caches: directories of results in the making.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use crate::session::base::{Base, cache_of};
use crate::sys::{self, Lock};

/// Returns the directory with the caches of all users. `None` if they are off.
pub(crate) fn place() -> Option<PathBuf> {
    let place = match sys::runner::path_from_env("SUMMON_CACHE") {
        _ if std::env::var_os("SUMMON_CACHE").is_some_and(|it| it == "0") => return None,
        Some(path) => path,
        None => std::env::temp_dir(),
    };
    // The warden looks there from another working directory.
    std::path::absolute(place).ok()
}

/// Removes what killed processes have left in the caches at this place. A half-made cluster of
/// PostgreSQL has shared memory.
pub(crate) fn sweep(place: &Path) {
    let me = sys::user();
    let caches: Vec<OsString> = match me {
        0 => {
            let entries = fs::read_dir(place).into_iter().flatten().flatten();
            entries.map(|entry| entry.file_name()).collect()
        }
        _ => vec![cache_of(me).into()],
    };
    for name in caches {
        // A stranger may give a directory such a name.
        let base = owner(&name).and_then(|uid| Base::at(place.join(&name), uid).ok());
        base.iter().for_each(remove);
    }
}

/// Returns the user in the name of a cache.
fn owner(name: &OsStr) -> Option<u32> {
    let uid = name
        .to_str()?
        .strip_prefix("summon-")?
        .strip_suffix("-cache")?;
    uid.parse().ok()
}

/// Removes what killed processes have left in a cache.
pub(super) fn remove(base: &Base) {
    for (name, key) in parts(base) {
        // The process with the right to make this result may be about to lock its new directory.
        let Ok(lock) = base.dir.append(&lock_of(&key)) else {
            continue;
        };
        if sys::try_lock_file(&lock).unwrap_or(false) {
            remove_part(base, &name);
        }
    }
}

/// Removes what killed processes have left of one result. The caller has the right to make it.
pub(super) fn remove_of(base: &Base, key: &OsStr) {
    for (name, _) in parts(base).iter().filter(|(_, of)| of == key) {
        remove_part(base, name);
    }
}

/// Returns the directories of results in the making, each with the name of its result.
fn parts(base: &Base) -> Vec<(OsString, OsString)> {
    let part = |name: OsString| {
        let (key, number) = name.to_str()?.split_once('.')?;
        let is_part = !key.is_empty() && u32::from_str_radix(number, 16).is_ok();
        is_part.then(|| (name.clone(), key.into()))
    };
    let names = base.dir.names().unwrap_or_default();
    names.into_iter().filter_map(part).collect()
}

/// Removes such a directory, unless its maker lives.
fn remove_part(base: &Base, name: &OsStr) {
    if let Ok(Some(_dir)) = base.dir.enter_locked(name, Lock::Nobody) {
        base.dir.remove(name, &base.path);
    }
}

/// Returns the name of the lock on the right to make a result.
pub(super) fn lock_of(name: &OsStr) -> OsString {
    let mut name = name.to_owned();
    name.push(".lock");
    name
}
